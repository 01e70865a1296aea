/* CBLAS, and the two LAPACK routines that OpenBLAS brings along and orthogonal initialisation needs. */
#ifndef LIBRNN_OPENBLAS_H
#define LIBRNN_OPENBLAS_H

#include <cblas.h>

void dgeqrf_(const int *m, const int *n, double *a, const int *lda, double *tau, double *work,
             const int *lwork, int *info);
void dorgqr_(const int *m, const int *n, const int *k, double *a, const int *lda, const double *tau,
             double *work, const int *lwork, int *info);

#endif

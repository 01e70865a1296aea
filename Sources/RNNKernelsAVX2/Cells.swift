import RNNKernels

// The kernels of the recurrent cells, compiled for AVX2. Nothing here may be inlined into a caller that is
// compiled for less; the engine calls these only where the machine has AVX2.

enum AVX2: InstructionSet {}

@export(interface) @inline(never)
public func lstmForward(size: Int, _ row: CellRow<Float>, _ biases: CellBiases<Float>) {
  LSTMKernel<Float, AVX2>.forward(size: size, row, biases)
}

@export(interface) @inline(never)
public func lstmBackward(size: Int, _ row: CellRow<Float>, _ gradient: CellGradient<Float>) {
  LSTMKernel<Float, AVX2>.backward(size: size, row, gradient)
}

@export(interface) @inline(never)
public func lstmForward(size: Int, _ row: CellRow<Double>, _ biases: CellBiases<Double>) {
  LSTMKernel<Double, AVX2>.forward(size: size, row, biases)
}

@export(interface) @inline(never)
public func lstmBackward(size: Int, _ row: CellRow<Double>, _ gradient: CellGradient<Double>) {
  LSTMKernel<Double, AVX2>.backward(size: size, row, gradient)
}

@export(interface) @inline(never)
public func gruForward(size: Int, _ row: CellRow<Float>, _ biases: CellBiases<Float>) {
  GRUKernel<Float, AVX2>.forward(size: size, row, biases)
}

@export(interface) @inline(never)
public func gruBackward(size: Int, _ row: CellRow<Float>, _ gradient: CellGradient<Float>) {
  GRUKernel<Float, AVX2>.backward(size: size, row, gradient)
}

@export(interface) @inline(never)
public func gruForward(size: Int, _ row: CellRow<Double>, _ biases: CellBiases<Double>) {
  GRUKernel<Double, AVX2>.forward(size: size, row, biases)
}

@export(interface) @inline(never)
public func gruBackward(size: Int, _ row: CellRow<Double>, _ gradient: CellGradient<Double>) {
  GRUKernel<Double, AVX2>.backward(size: size, row, gradient)
}

@export(interface) @inline(never)
public func elmanForward(size: Int, relu: Bool, _ row: CellRow<Float>, _ biases: CellBiases<Float>) {
  ElmanKernel<Float, AVX2>.forward(size: size, relu: relu, row, biases)
}

@export(interface) @inline(never)
public func elmanBackward(size: Int, relu: Bool, _ row: CellRow<Float>, _ gradient: CellGradient<Float>) {
  ElmanKernel<Float, AVX2>.backward(size: size, relu: relu, row, gradient)
}

@export(interface) @inline(never)
public func elmanForward(size: Int, relu: Bool, _ row: CellRow<Double>, _ biases: CellBiases<Double>) {
  ElmanKernel<Double, AVX2>.forward(size: size, relu: relu, row, biases)
}

@export(interface) @inline(never)
public func elmanBackward(size: Int, relu: Bool, _ row: CellRow<Double>, _ gradient: CellGradient<Double>) {
  ElmanKernel<Double, AVX2>.backward(size: size, relu: relu, row, gradient)
}

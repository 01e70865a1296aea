"""Set-up of all tests: the package of this checkout, and hypothesis without chance or files."""

import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Examples" / "python"))
sys.path.insert(0, str(ROOT / "bindings" / "python" / "src"))
os.environ.setdefault(
    "HYPOTHESIS_STORAGE_DIRECTORY", os.path.join(tempfile.gettempdir(), "hypothesis")
)

import pytest  # noqa: E402
from hypothesis import HealthCheck, settings  # noqa: E402

settings.register_profile(
    "librnn",
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=30,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("librnn")


@pytest.fixture(autouse=True)
def one_thread_at_the_end():
    """Leave the thread count as every test finds it."""
    import librnn

    yield
    librnn.set_num_threads(1)


@pytest.fixture
def files(tmp_path):
    """Return a directory with a model and data for `librnn diagnose`."""
    from reports import write_files

    write_files(tmp_path)
    return tmp_path

"""A headless browser, which tests look at pages with."""

import shutil
import subprocess
import tempfile

NAMES = ["google-chrome", "chromium", "chromium-browser"]


def screenshot(page, picture, width, height):
    """Draw a file of HTML into a file of PNG."""
    _run(page, f"--screenshot={picture}", f"--window-size={width},{height}")


def dump(page, width):
    """The document of a file of HTML after its scripts have run."""
    return _run(page, "--dump-dom", f"--window-size={width},2000")


def _run(page, *options):
    command = next(filter(None, map(shutil.which, NAMES)), None)
    assert command, f"expected a browser, {' or '.join(NAMES)}: run scripts/setup-system.sh"
    fixed = ["--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"]
    fixed += ["--no-first-run", "--disable-background-networking", "--disable-dev-shm-usage"]
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        call = [command, *fixed, f"--user-data-dir={profile}", *options, page.as_uri()]
        done = subprocess.run(call, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return done.stdout

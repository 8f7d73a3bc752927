"""The suites of tests that are run: of which package, at which version, and what they need."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Suite:
    """The tests of a package: `tests` are paths in its source distribution, `requirements` what they import.

    left_out: tests, as pytest's -k takes them, that need a network or a display, and so tell nothing of a kernel.
    of_its_engine: tests of papermill that look inside its own engine (which client it makes, by which function it
    saves), and so tell nothing of another one; what they are about, tests/run/kernels/test_install.py asks of ours.
    """

    package: str
    version: str
    tests: tuple[str, ...]
    requirements: tuple[str, ...] = ()
    left_out: str = ""
    of_its_engine: tuple[str, ...] = ()

    @property
    def folder(self) -> str:
        """What its source distribution unpacks to."""
        return f"{self.package}-{self.version}"


SUITES = (
    Suite("jupyter_kernel_test", "0.7.0", ("test_ipykernel.py",), ("jupyter_kernel_test==0.7.0",)),
    Suite(
        "papermill",
        "2.7.0",
        ("papermill/tests",),
        ("boto3", "moto>=5,<5.2", "pytest-mock", "pytest-env", "requests", "ipywidgets", "attrs"),
        of_its_engine=(
            "papermill/tests/test_autosave.py::TestMidCellAutosave::test_end2end_autosave_slow_notebook",
            "papermill/tests/test_execute.py::TestNotebookHelpers::test_default_start_timeout",
            "papermill/tests/test_execute.py::TestNotebookHelpers::test_start_timeout",
        ),
        left_out="not (s3 or S3 or gcs or GCS or adl or ADL or abs or ABS or hdfs or Hdfs or github or Github)",
    ),
    Suite(
        "nbclient",
        "0.11.0",
        ("tests",),
        ("flaky", "ipywidgets", "nbconvert>=7.1", "pytest-asyncio>=1.3", "testpath", "xmltodict"),
    ),
    Suite(
        "ipykernel",
        "7.4.0",
        ("tests",),
        ("flaky", "ipyparallel", "matplotlib", "pytest-asyncio>=0.23.5", "pytest-cov", "trio"),
    ),
)

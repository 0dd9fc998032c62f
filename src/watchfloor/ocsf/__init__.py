"""The language: OCSF events in columns, the pinned schema and our extension."""

import sys

import pyarrow as pa


class _NoPandas:
    """Answers the import of pandas with: there is none."""

    @staticmethod
    def find_spec(name: str, path: object = None, target: object = None) -> None:
        """As `importlib.abc.MetaPathFinder`; raises ImportError for pandas, leaves all else to others."""
        if name == "pandas":
            raise ImportError(name)


if "pandas" not in sys.modules:
    # Where pandas is installed, pyarrow imports it with the first array it makes: a third of a second and 50 MB for
    # nothing that is used here. It asks once and remembers the answer, so it is told "no" for that moment.
    sys.meta_path.insert(0, _NoPandas)
    try:
        pa.array([0])
    finally:
        sys.meta_path.remove(_NoPandas)

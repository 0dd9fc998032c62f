"""`--limit`: how many rows are shown."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

__all__ = ["Limit"]

Limit = Annotated[int, Parameter(validator=Number(gte=1))]
"""At least one row."""

"""Statements of SQL that members write: what is sent, and what is answered."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from ask0.schemas.api import Answer
from ask0.schemas.user_writes import Strict

MAX_STATEMENT_CHARACTERS = 20_000
MAX_ROWS = 10_000


class StatementQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")

    format: Literal["json", "csv"] = Field(default="json", description="`Accept: text/csv` asks for CSV too")


class SqlStatement(Strict):
    sql: str = Field(min_length=1, max_length=MAX_STATEMENT_CHARACTERS, description="One SELECT of ClickHouse's SQL")
    limit: int = Field(default=1_000, ge=1, le=MAX_ROWS, description="Rows of the answer; beyond, it is `truncated`")


class SqlColumn(Answer):
    name: str
    type: str = Field(description="As ClickHouse names it")


class SqlAnswer(Answer):
    columns: list[SqlColumn]
    rows: list[list[Any]] = Field(description="Whole numbers beyond 2^53 and decimals are text")
    truncated: bool = Field(description="Whether there are more rows than were asked for")
    elapsed_ms: int
    read_rows: int = Field(description="About how many were looked at, in steps of 10,000")


class SqlTableColumn(SqlColumn):
    description: str


class SqlTable(Answer):
    name: str
    description: str
    columns: list[SqlTableColumn]


class SqlTables(Answer):
    tables: list[SqlTable]

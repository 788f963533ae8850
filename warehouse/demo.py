"""The rows of one visitor of the demo project, as the demo page shows them."""

from typing import Any

from ask0.schemas.ids import guest_id
from ask0.warehouse.connect import Warehouse

QUERIES = {
    "identities": "SELECT anonymous_id, user_id, linked_at FROM identities"
    " WHERE project_id = {project:String} AND (anonymous_id = {user:String} OR user_id = {user:String})"
    " ORDER BY linked_at DESC LIMIT 20",
    "users": "SELECT * EXCEPT (project_id) FROM users"
    " WHERE project_id = {project:String} AND id IN {ids:Array(String)}",
    "conversations": "SELECT * EXCEPT (project_id) FROM conversations"
    " WHERE project_id = {project:String} AND user_id IN {ids:Array(String)} ORDER BY last_at DESC LIMIT 20",
    "events": "SELECT message_id, type, event, user_id, anonymous_id, timestamp, received_at, conversation_id,"
    " properties, ip FROM events WHERE project_id = {project:String}"
    " AND (user_id IN {ids:Array(String)} OR anonymous_id = {user:String})"
    " AND received_at >= fromUnixTimestamp64Milli({since:Int64}) ORDER BY received_at DESC, message_id LIMIT 50",
}
AS_LIST = "output_format_json_array_of_rows = 1, output_format_json_quote_64bit_integers = 0"
KNOWN_USER = (
    "SELECT user_id FROM identities WHERE project_id = {project:String} AND anonymous_id = {user:String} LIMIT 1"
)


def read_rows(warehouse: Warehouse, project_id: str, user: str, since: int) -> bytes:
    """JSON: lists of rows by the name of their table. `user` is an anonymousId or a userId, `since` epoch ms."""
    parameters: dict[str, Any] = {"project": project_id, "user": user, "since": since}
    known = [row[0] for row in warehouse.query(KNOWN_USER, parameters)]
    parameters["ids"] = [user, guest_id(user), *known]
    rows = (
        b'"%s":%s' % (name.encode(), warehouse.raw(f"{sql} SETTINGS {AS_LIST}", "JSONEachRow", parameters).strip())
        for name, sql in QUERIES.items()
    )
    return b"{" + b",".join(rows) + b"}"

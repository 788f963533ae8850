"""What every path of the API names: the project, and whom."""

from ask0.gateway.errors import NotFound
from ask0.gateway.operations import Asked
from ask0.schemas.user_writes import user_id_of

BASE = "/v1/projects/{project}"
OWN = "-"  # in a path: the project of the key


def project_of(asked: Asked) -> str:
    """The project of the path. Raises NotFound for any but the caller's own: whether it exists is not told."""
    project = asked.request.path_params["project"]
    if project not in (OWN, asked.caller.project_id):
        raise NotFound("the key is not of this project; `-` in its place is the key's own", code="unknown_project")
    return asked.caller.project_id


def id_of(asked: Asked) -> str:
    """The user of the path. Raises WriteInvalid."""
    return user_id_of(asked.request.path_params["id"])


def unknown_user() -> NotFound:
    return NotFound("nobody with this id has been met in the project", code="unknown_user")

"""Settings of projects in memory: what is kept for how long, and whether consent is in force."""

import msgspec

from ask0.catalog.collection import Collection
from ask0.catalog.documents import PROJECT
from ask0.catalog.replica import Replica
from ask0.schemas.catalog import Project
from ask0.schemas.project_settings import PRIVACY, RETENTION, Privacy, Retention


class ProjectSettings:
    def __init__(self, replica: Replica) -> None:
        self.replica = replica
        self.privacy = Collection(replica, PRIVACY, Privacy)
        self.retention = Collection(replica, RETENTION, Retention)
        self._made: dict[str, tuple[int, bool]] = {}  # by project, with the version of its document

    def enforces_consent(self, project_id: str) -> bool:
        """As the project says; before it does, as it was made."""
        stored = self.privacy.get(project_id, project_id)
        return stored.document.enforce_consent if stored else self._was_made_with(project_id)

    def _was_made_with(self, project_id: str) -> bool:
        project = self.replica.state.documents.get(PROJECT, {}).get(project_id)
        if project is None:
            return False
        known = self._made.get(project_id)
        if known is None or known[0] != project.version:
            try:
                enforces = msgspec.json.decode(project.body, type=Project).enforces_consent
            except msgspec.MsgspecError:
                enforces = True  # nobody can tell: then nothing is stored that should not be
            known = self._made[project_id] = project.version, enforces
        return known[1]

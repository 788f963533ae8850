"""Records as they lie on the log."""

from ask0.schemas.records import Record, decode, encode


def test_a_record_of_before_gpc_decodes() -> None:
    older = b'[1,"p",7,null,"203.0.113.0","agent",[],[]]'
    assert decode(older) == Record(project_id="p", received_at=7, ip="203.0.113.0", user_agent="agent", gpc=False)


def test_a_record_of_newer_code_decodes_here() -> None:
    record = Record(project_id="p", received_at=7, gpc=True)
    assert decode(encode(record)[:-1] + b',"of tomorrow"]') == record

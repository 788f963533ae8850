"""A token proves a user or has one reason why not, whatever it is made of."""

import hashlib
import hmac
import json
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from ask0.catalog.sealing import Seal
from ask0.catalog.tokens import MAX_TOKEN_CHARACTERS, Verifier, prepare, verifiers
from ask0.gateway.ingest.verification import Guard
from ask0.schemas.catalog import Project, Verification, VerificationKey
from ask0.schemas.events import Event, parse_event
from ask0.schemas.reasons import InvalidEvent, Reason
from tests.gateway.tokens import NEXT_SECRET, SECRET_OF_SITE, key_pair, secret_of, sign

EXAMPLES = Path(__file__).parents[3] / "schemas" / "examples"
OF_A_PROJECT = [path for path in sorted(EXAMPLES.rglob("*.json")) if "verification" in json.loads(path.read_text())]

PRIVATE, PUBLIC = key_pair()
STRICT = Verification(required=True, keys=(secret_of(SECRET_OF_SITE),))
OF_PUBLIC = VerificationKey(id="vk_rs", algorithm="RS256", key=PUBLIC, created_at=1)


def verifier(*keys: VerificationKey, required: bool = True) -> Verifier:
    return Verifier(Verification(required=required, keys=keys or (secret_of(SECRET_OF_SITE),)), Seal())


def refusal(token: object, user_id: str = "u1", *keys: VerificationKey) -> str | None:
    try:
        verifier(*keys).check(token, user_id)
    except InvalidEvent as why:
        return why.reason
    return None


def segment(value: object) -> str:
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(text).decode().rstrip("=")


def by_hand(header: object, claims: object, secret: bytes = SECRET_OF_SITE.encode()) -> str:
    """What no library would sign."""
    text = f"{segment(header)}.{segment(claims)}"
    return f"{text}.{segment(hmac.digest(secret, text.encode(), hashlib.sha256))}"


def admit(guard: Guard, raw: dict[str, Any]) -> Event:
    return guard.admit(raw, parse_event(raw, kind=None, received_at=1, new_id=lambda: "m"))


@pytest.mark.parametrize("path", OF_A_PROJECT, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_an_example_of_a_project_that_verifies_has_its_outcome(path: Path) -> None:
    example = json.loads(path.read_text())
    guard = Guard(Verifier(msgspec.convert(example["verification"], Verification), Seal()), trusted=False)
    if path.parent.name == "valid":
        assert not admit(guard, example["input"]).unverified
        return
    with pytest.raises(InvalidEvent) as refused:
        admit(guard, example["input"])
    assert refused.value.reason == path.parent.name


def test_what_the_sites_server_signed_proves_the_user() -> None:
    assert refusal(sign()) is None
    assert refusal(sign(7), "7") is None
    assert refusal(sign(key=PRIVATE, algorithm="RS256"), "u1", OF_PUBLIC) is None
    assert refusal(sign(iat=-5, nbf=-5, iss="the site", jti="1", more={"a": [1]})) is None


def test_both_live_keys_prove_and_a_removed_one_does_not() -> None:
    both = secret_of(SECRET_OF_SITE), secret_of(NEXT_SECRET, "vk_2")
    for secret in (SECRET_OF_SITE, NEXT_SECRET):
        assert refusal(sign(key=secret), "u1", *both) is None
    assert refusal(sign(), "u1", both[1]) == Reason.TOKEN_INVALID
    assert refusal(sign(), "u1", OF_PUBLIC, both[0]) is None
    assert refusal(sign(exp=-100, key=NEXT_SECRET), "u1", *both) == Reason.TOKEN_EXPIRED


def test_the_algorithm_is_our_keys_and_not_the_tokens() -> None:
    claims = {"sub": "u1", "exp": 4_000_000_000}
    names: list[Any] = ["none", "None", "NONE", "", None, "HS512", "RS256", ["HS256"], {}]
    for name in names:
        assert refusal(by_hand({"alg": name}, claims)) == Reason.TOKEN_INVALID
        assert refusal(by_hand({"alg": name}, claims).rpartition(".")[0] + ".") == Reason.TOKEN_INVALID
    assert refusal(by_hand({}, claims)) == Reason.TOKEN_INVALID
    assert refusal(by_hand({"alg": "HS256"}, claims)) is None
    for forged in (PUBLIC, PUBLIC.strip(), PUBLIC.replace("\n", "")):
        token = by_hand({"alg": "HS256"}, claims, forged.encode())
        assert refusal(token, "u1", OF_PUBLIC) == Reason.TOKEN_INVALID
        assert refusal(token, "u1", OF_PUBLIC, secret_of(SECRET_OF_SITE)) == Reason.TOKEN_INVALID
    longer = SECRET_OF_SITE * 2
    assert refusal(sign(key=longer, algorithm="HS512"), "u1", secret_of(longer)) == Reason.TOKEN_INVALID


def test_the_header_brings_no_key_along() -> None:
    claims = {"sub": "u1", "exp": 4_000_000_000}
    own = {"kty": "oct", "k": segment(b"x" * 40)}
    headers: list[dict[str, Any]] = [{"jwk": own}, {"kid": "vk_1"}, {"kid": "/dev/null"}, {"jku": "http://127.0.0.1/"}]
    for header in headers:
        assert refusal(by_hand({"alg": "HS256", **header}, claims, b"x" * 40)) == Reason.TOKEN_INVALID
        assert refusal(by_hand({"alg": "HS256", **header}, claims)) is None
    refused: list[dict[str, Any]] = [{"kid": 7}, {"crit": ["exp"]}, {"b64": False, "crit": ["b64"]}]
    for header in refused:
        assert refusal(by_hand({"alg": "HS256", **header}, claims)) == Reason.TOKEN_INVALID


def test_times_are_held_to_with_a_minute_of_leeway() -> None:
    assert refusal(sign(exp=-50)) is None
    assert refusal(sign(exp=-70)) == Reason.TOKEN_EXPIRED
    for soon, later in ((sign(iat=50), sign(iat=70)), (sign(nbf=50), sign(nbf=70))):
        assert (refusal(soon), refusal(later)) == (None, Reason.TOKEN_INVALID)
    assert refusal(sign(exp=None)) == Reason.TOKEN_INVALID
    ends: list[Any] = ["soon", [1], {}, 1e400, None, True]
    for end in ends:
        assert refusal(by_hand({"alg": "HS256"}, {"sub": "u1", "exp": end})) is not None


def test_the_subject_is_the_user_as_text() -> None:
    for subject, user_id in (("u2", "u1"), ("U1", "u1"), (" u1", "u1"), ("u1\0", "u1"), (1, "u1"), ("", "u1")):
        assert refusal(sign(subject), user_id) == Reason.TOKEN_WRONG_SUBJECT
    for strange, text in ((True, "True"), (["u1"], "['u1']"), ({"a": 1}, "{'a': 1}")):
        assert refusal(by_hand({"alg": "HS256"}, {"sub": strange, "exp": 4e9}), text) == Reason.TOKEN_WRONG_SUBJECT
    assert refusal(sign(sub=None)) == Reason.TOKEN_INVALID
    assert refusal(sign("ü")) == Reason.TOKEN_WRONG_SUBJECT
    assert refusal(sign("ü"), "ü") is None


def test_a_project_that_requires_tokens_and_has_no_key_takes_none() -> None:
    made = verifiers({name: Project(id=name, name=name, created_at=1) for name in ("a", "b")}, Seal())
    assert made == {}
    keyless = Project(id="p", name="n", created_at=1, verification=Verification(required=True))
    with pytest.raises(InvalidEvent):
        verifiers({"p": keyless}, Seal())["p"].check(sign(), "u1")


def test_a_token_for_another_audience_is_none_of_ours() -> None:
    assert refusal(sign(aud="billing")) == Reason.TOKEN_INVALID


def test_a_token_is_of_bounded_size() -> None:
    assert refusal(sign(more="x" * (MAX_TOKEN_CHARACTERS // 2))) is None
    assert refusal(sign(more="x" * MAX_TOKEN_CHARACTERS)) == Reason.TOKEN_INVALID


@pytest.mark.parametrize("key", ["", "short", "-----BEGIN PUBLIC KEY-----" + "x" * 40, "\ud800" * 40])
def test_a_key_that_is_none_proves_nothing_and_another_still_does(key: str) -> None:
    for algorithm in ("HS256", "RS256"):
        bad = msgspec.structs.replace(OF_PUBLIC, algorithm=algorithm, key=key)
        assert refusal(sign(), "u1", bad) == Reason.TOKEN_INVALID
        assert refusal(sign(), "u1", bad, secret_of(SECRET_OF_SITE)) is None


def test_a_public_key_of_another_kind_is_refused() -> None:
    private_pem = PRIVATE.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    ec = generate_private_key(SECP256R1()).public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for text in (key_pair(1024)[1], private_pem, ec.decode(), PUBLIC[:200], PUBLIC.replace("A", "B")):
        with pytest.raises(ValueError, match="RS256 key"):
            prepare(msgspec.structs.replace(OF_PUBLIC, key=text), Seal())
    assert "BEGIN" not in repr(OF_PUBLIC)
    assert SECRET_OF_SITE not in repr(Project(id="p", name="n", created_at=1, verification=STRICT))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
names = st.sampled_from(("alg", "typ", "kid", "crit", "b64", "jwk", "sub", "exp", "iat", "nbf", "aud", "jti", "iss"))
objects = st.dictionaries(names, json_values | st.sampled_from(("HS256", "RS256", "none", "u1", 4e9)), max_size=8)
built = st.builds(by_hand, objects | json_values, objects | json_values, st.binary(max_size=40))
mangled = st.tuples(st.integers(0, 200), st.characters()).map(lambda at: sign()[: at[0]] + at[1] + sign()[at[0] + 1 :])


@given(json_values | built | mangled | st.text() | st.text(alphabet="eyJ.-_=A", max_size=60))
def test_nothing_but_our_refusal_comes_out_and_nobody_is_proven(token: object) -> None:
    assert refusal(token, "u2", secret_of(SECRET_OF_SITE), OF_PUBLIC) in {
        Reason.TOKEN_INVALID,
        Reason.TOKEN_EXPIRED,
        Reason.TOKEN_WRONG_SUBJECT,
    }


@given(objects, objects)
def test_signed_nonsense_is_refused_in_our_words_or_names_the_user(header: Any, claims: Any) -> None:
    token = by_hand({**header, "alg": "HS256"}, claims)
    reason = refusal(token)
    assert claims["sub"] == "u1" if reason is None else reason in list(Reason)


def test_events_that_name_a_user_without_proof_are_marked_and_those_that_change_one_refused() -> None:
    guard = Guard(verifier(), trusted=False)
    for call in ("track", "page", "screen", "group"):
        raw = {"type": call, "event": "A", "userId": "u1", "groupId": "g"}
        assert admit(guard, raw).unverified
        assert not admit(guard, {**raw, "userToken": sign()}).unverified
        assert not admit(guard, {**raw, "userId": None, "anonymousId": "a"}).unverified
    for call in ("identify", "alias"):
        raw = {"type": call, "userId": "u1", "anonymousId": "a", "previousId": "p"}
        for nothing in (None, "", False):
            with pytest.raises(InvalidEvent) as refused:
                admit(guard, {**raw, "userToken": nothing})
            assert refused.value.reason == Reason.TOKEN_MISSING
        assert admit(guard, {**raw, "userId": "g-a"}).user_id == ""
        assert admit(guard, {**raw, "context": {"userToken": sign()}}).user_id == "u1"


def test_a_trusted_sender_and_a_project_that_requires_none_need_no_token_but_a_bad_one_counts() -> None:
    for guard in (Guard(verifier(), trusted=True), Guard(verifier(required=False), trusted=False)):
        raw = {"type": "identify", "userId": "u1"}
        assert not admit(guard, raw).unverified
        for token in (sign("u2"), ["x"], "x"):
            with pytest.raises(InvalidEvent):
                admit(guard, {**raw, "userToken": token})


def test_one_proof_in_a_beacon_is_no_proof_for_another_user() -> None:
    guard = Guard(verifier(), trusted=False)
    token = sign()
    for _ in range(2):
        assert admit(guard, {"type": "identify", "userId": "u1", "userToken": token}).user_id == "u1"
        with pytest.raises(InvalidEvent):
            admit(guard, {"type": "identify", "userId": "u2", "userToken": token})

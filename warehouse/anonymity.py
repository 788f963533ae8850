"""What stays of people who are anonymized, under a random id: what they did and when, and traits that are no text."""

from collections.abc import Sequence
from typing import Any

from ask0.warehouse.connect import Warehouse
from ask0.warehouse.erasure import GONE, OWN, PAIRS, SETTINGS, Run

KEPT = ("plan", "role")  # of the product's own traits; of the site's those that are named as not personal, and numbers
IS_KEPT = """
({name} NOT IN {{personal:Array(String)}}
 AND ({name} IN {{kept:Array(String)}} OR {json} IN ('true', 'false') OR match({json}, '^-?[0-9]')))
"""
NEW = "transform({id}, {pairs}.1, {pairs}.2, '')"
KEPT_FACT = IS_KEPT.format(name="name", json="substringIndex(fact.2, '\n', 1)")  # of two lines, where it was fitted

FACTS = f"""
INSERT INTO user_facts (
    project_id, user_id, traits, consent, gpc, anonymous_ids, first_seen_at, last_active_at, conversations, questions,
    answers, answered, ratings, nps
)
SELECT project_id, {NEW.format(id="user_id", pairs=PAIRS)},
       mapFilter((name, fact) -> {KEPT_FACT}, traits),
       consent, gpc, [], first_seen_at, last_active_at, conversations, questions, answers, answered, ratings, nps
FROM user_facts WHERE {OWN} AND user_id IN {GONE}
"""
TRAITS = f"""
concat('{{', arrayStringConcat(arrayMap(each -> concat(toJSONString(each.1), ':', each.2), arrayFilter(
    each -> position(each.1, '%') = 0 AND {IS_KEPT.format(name="each.1", json="each.2")},
    JSONExtractKeysAndValuesRaw(if(traits_json = '', toJSONString(traits), traits_json)))), ','), '}}')
"""
ROWS = f"""
INSERT INTO user_rows (
    project_id, id, plan, role, status, traits, traits_json, consent, gpc, created_at, updated_at, first_seen_at,
    last_active_at, conversations, questions, answers, answered, satisfaction, nps, merged_into, _version
)
SELECT project_id, {NEW.format(id="id", pairs=PAIRS)}, plan, role, 'Active', {TRAITS} AS kept, kept, consent, gpc,
       created_at, updated_at, first_seen_at, last_active_at, conversations, questions, answers, answered, satisfaction,
       nps, '', _version
FROM user_rows FINAL WHERE {OWN} AND id IN {GONE} AND merged_into = ''
"""


def keep_anonymous(warehouse: Warehouse, run: Run, kept: Sequence[str], personal: Sequence[str]) -> None:
    """Before they go. Of traits that the project has defined, `personal` ones go whatever they are, and others stay.
    Facts and rows are the same however often."""
    bound: dict[str, Any] = {**run.bound, "kept": [*KEPT, *kept], "personal": [*personal]}
    for sql in (FACTS, ROWS):
        warehouse.command(sql, bound, SETTINGS)

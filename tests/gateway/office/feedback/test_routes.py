"""`/feedback` over HTTP: shapes, refusals, whose exchange may be rated, and what comes of it."""

import asyncio
from typing import Any

import msgspec

from storage.state.schema import brought_up_to_date
from tests.builders.journals import lines_in
from tests.gateway.office.feedback.conftest import SHAPED, Asked

NOTE_OF_A_MEGABYTE = "x" * (1 << 20)


def error_of(reply: Any) -> dict[str, Any]:
    error: dict[str, Any] = reply.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


def events(asked: Asked, name: str) -> list[dict[str, Any]]:
    if not (asked.data / "journal" / "office").is_dir():
        return []
    return [line for line in lines_in(asked.data, "office") if line["event"] == name]


async def test_a_card_is_answered_with_what_ratings_change_now(asked: Asked) -> None:
    reply = await asked.rated("A-00000001", 5, note="well said")
    assert reply.status_code == 200
    said = reply.json()
    updated = said["lut"].pop("updated_ms")
    style = {"temperature_delta": 0.1, "top_p_delta": 0.1, "memory_write_boost": 0.2, "verbosity_bias": 0.2}
    assert said == {"status": "ok", "lut": {"version": 1, "style": style}}
    lut = (await asked("GET", "/feedback/lut")).json()
    assert lut == {"version": 1, "style": style, "updated_ms": updated}
    assert (await asked("GET", "/feedback/health")).json() == {"ok": True, "items": 1, "lut_updated_ms": updated}


async def test_before_any_card_nothing_changes(asked: Asked) -> None:
    style = {"temperature_delta": 0.0, "top_p_delta": 0.0, "memory_write_boost": 0.0, "verbosity_bias": 0.0}
    assert (await asked("GET", "/feedback/lut")).json() == {"version": 0, "style": style, "updated_ms": 0}
    assert (await asked("GET", "/feedback/health")).json() == {"ok": True, "items": 0, "lut_updated_ms": 0}


async def test_the_last_card_for_an_exchange_counts(asked: Asked) -> None:
    await asked.rated("A-00000001", 5)
    again = {"target_action_id": "A-00000001", "rating": 1}
    lut = (await asked("POST", "/feedback/card", "lk-ada", again)).json()["lut"]
    assert (lut["version"], lut["style"]["temperature_delta"], lut["style"]["memory_write_boost"]) == (2, -0.1, 0.0)
    assert (await asked("GET", "/feedback/health")).json()["items"] == 1


async def test_cards_of_one_move_nothing_for_another(asked: Asked) -> None:
    await asked.rated("A-00000001", 5)
    assert (await asked("GET", "/feedback/lut", "lk-bob")).json()["version"] == 0


async def test_a_card_that_cannot_be_is_422(asked: Asked) -> None:
    await asked.carried("A-00000001")
    wrong: dict[str, Any] = {"rating": 9, "note": NOTE_OF_A_MEGABYTE, "tags": 7, "target_action_id": []}
    for member, value in wrong.items():
        sent = {"target_action_id": "A-00000001", "rating": 4, member: value}
        reply = await asked("POST", "/feedback/card", "lk-ada", sent)
        assert (reply.status_code, error_of(reply)["type"]) == (422, "invalid_request_error")
        assert (error_of(reply)["code"], error_of(reply)["param"]) == ("invalid_value", member)
        assert len(reply.content) < 1000
    assert (await asked("GET", "/feedback/health")).json()["items"] == 0


async def test_a_card_without_what_it_needs_is_422(asked: Asked) -> None:
    for missing in ("target_action_id", "rating"):
        sent = {"target_action_id": "A-00000001", "rating": 4}
        del sent[missing]
        reply = await asked("POST", "/feedback/card", "lk-ada", sent)
        assert reply.status_code == 422
        assert missing in error_of(reply)["message"]


async def test_the_intent_of_a_sign_rates_as_well(asked: Asked) -> None:
    await asked.carried("A-00000001")
    sent: dict[str, Any] = {"target_action_id": "A-00000001", "intent": "reject"}
    reply = await asked("POST", "/feedback/card", "lk-ada", sent)
    assert (reply.status_code, reply.json()["lut"]["style"]["temperature_delta"]) == (200, -0.1)
    torn = await asked("POST", "/feedback/card", "lk-ada", {**sent, "rating": 5})
    assert (torn.status_code, error_of(torn)["code"]) == (422, "invalid_value")


async def test_what_is_no_card_is_refused(asked: Asked) -> None:
    for body in (b"", b"{", b"[]", b"7", b'{"rating": 5, "target_action_id": "\xff"}', b"[" * 100_000):
        reply = await asked("POST", "/feedback/card", "lk-ada", body)
        assert reply.status_code in (400, 422)
        assert error_of(reply)["type"] == "invalid_request_error"


async def test_a_body_that_is_far_too_large_is_413(asked: Asked) -> None:
    reply = await asked("POST", "/feedback/card", "lk-ada", b'{"note":"' + b"x" * (9 << 20) + b'"}')
    assert reply.status_code == 413


async def test_the_exchange_of_another_is_404_whatever_else_one_may(asked: Asked) -> None:
    await asked.carried("A-00000001", "lk-ada")
    for key in ("lk-bob", "lk-officer", "the-admin"):
        assert await asked.pseudonym(key) != await asked.pseudonym("lk-ada")
        reply = await asked("POST", "/feedback/card", key, {"target_action_id": "A-00000001", "rating": 1})
        assert (reply.status_code, error_of(reply)["code"]) == (404, "not_found")
        assert error_of(reply)["param"] == "target_action_id"


async def test_an_exchange_that_never_was_is_404(asked: Asked) -> None:
    for audit_id in ("A-unknown-1", "", "x", "../etc/passwd", "A-\u0000\u0000\u0000\u0000\u0000\u0000"):
        reply = await asked("POST", "/feedback/card", "lk-ada", {"target_action_id": audit_id, "rating": 3})
        assert (reply.status_code, error_of(reply)["code"]) == (404, "not_found")
    assert events(asked, "feedback") == []


async def test_a_key_that_the_upstream_has_not_accepted_has_no_rights(asked: Asked) -> None:
    for method, path in (("POST", "card"), ("GET", "lut"), ("GET", "health"), ("GET", "symbols")):
        reply = await asked(method, f"/feedback/{path}", "sk-unknown", {} if method == "POST" else None)
        assert (reply.status_code, error_of(reply)["code"]) == (403, "key_not_accepted")


async def test_a_card_stands_in_the_journal_by_pseudonym_without_secrets(asked: Asked) -> None:
    principal = await asked.principal("lk-ada")
    note = f"mail me at ada@example.org, key sk-abcdefghijklmnop, {principal}\u0000 bye"
    await asked.rated("A-00000001", 4, note=note, tags=["tone", "ada@example.org"], user_id="mr. x")
    (event,) = events(asked, "feedback")
    pseudonym = await asked.pseudonym("lk-ada")
    assert (event["caller"], event["audit_id"], event["rating"]) == (pseudonym, "A-00000001", 4)
    assert event["note"] == f"mail me at [redacted], key [redacted], {pseudonym}  bye"
    assert event["tags"] == ["tone", "[redacted]"]
    card = asked.office.state.cards.find(pseudonym, "A-00000001")
    assert card is not None
    assert (card.note, card.tags) == (event["note"], ("tone", "[redacted]"))
    assert card.sub_user is not None
    assert "mr. x" not in card.sub_user


async def test_cards_can_be_asked_for_in_sql(asked: Asked) -> None:
    await asked.rated("A-00000001", 4, note="fine")
    asked.office.records.warehouse.catch_up()
    sql = "SELECT audit_id, caller, rating, note FROM feedback"
    rows = (await asked("POST", "/sql", "lk-ada", {"sql": sql})).json()["rows"]
    assert rows == [["A-00000001", await asked.principal("lk-ada"), 4.0, "fine"]]
    assert (await asked("POST", "/sql", "lk-bob", {"sql": sql})).json()["rows"] == []


async def test_ten_proven_raters_move_the_style_of_everybody(asked: Asked) -> None:
    for number in range(9):
        await asked.rated(f"A-0000000{number}", 5, f"lk-rater-{number}")
    asked.office.keeping.run()
    assert (await asked("GET", "/feedback/lut", "lk-bob")).json()["style"]["temperature_delta"] == 0
    await asked.rated("A-00000009", 5, "lk-rater-9")
    async with asyncio.timeout(60):
        # Behind each reckoning is a rest of twenty times its length.
        while (lut := (await asked("GET", "/feedback/lut", "lk-bob")).json())["style"]["temperature_delta"] == 0:
            asked.office.keeping.run()
            await asyncio.sleep(0.02)
    assert 0 < lut["style"]["temperature_delta"] <= 0.01
    assert asked.office.keeping.pushed.standing("key:nobody").style.temperature == lut["style"]["temperature_delta"]


async def test_raters_of_the_first_tier_do_not_count_for_all_on_their_first_day(asked: Asked) -> None:
    for number in range(9):
        await asked.rated(f"A-0000000{number}", 5, f"lk-rater-{number}")
    await asked.rated("A-00000009", 5, "lk-low")
    asked.office.keeping.run()
    assert (await asked("GET", "/feedback/lut", "lk-bob")).json()["style"]["temperature_delta"] == 0


async def test_what_one_rates_is_told_to_the_workers(asked: Asked) -> None:
    await asked.rated("A-00000001", 1)
    asked.office.keeping.run()
    standing = asked.office.keeping.pushed.standing(await asked.principal("lk-ada"))
    assert standing.style.temperature == -0.1


async def test_more_than_five_ratings_against_the_policy_lock_the_rater(asked: Asked) -> None:
    principal = await asked.principal("lk-ada")
    for number in range(6):
        assert not asked.office.keeping.pushed.standing(principal).conservative
        await asked.carried(f"A-0000000{number}", changes=SHAPED)
        card = {"target_action_id": f"A-0000000{number}", "rating": 1 + number % 2}
        await asked("POST", "/feedback/card", "lk-ada", card)
        asked.office.keeping.run()
    assert asked.office.keeping.pushed.standing(principal).conservative
    (event,) = events(asked, "lock")
    assert event["caller"] == await asked.pseudonym("lk-ada")
    held = (await asked("GET", "/admin/locks", "lk-officer")).json()["locks"]
    assert [each["caller"] for each in held] == [principal]


async def test_who_was_released_is_locked_by_new_ratings_alone(asked: Asked) -> None:
    for number in range(6):
        await asked.carried(f"A-0000000{number}", changes=SHAPED)
        await asked("POST", "/feedback/card", "lk-ada", {"target_action_id": f"A-0000000{number}", "rating": 1})
    principal = await asked.principal("lk-ada")
    path = f"/admin/locks?caller={principal}"
    assert (await asked("DELETE", path, "lk-officer")).json() == {"released": True}
    assert (await asked("DELETE", path, "lk-officer")).json() == {"released": False}
    assert not asked.office.keeping.pushed.standing(principal).conservative
    (event,) = events(asked, "lock_released")
    assert event["by"] == await asked.pseudonym("lk-officer")
    for number in range(5):
        await asked.carried(f"A-1000000{number}", changes=SHAPED)
        await asked("POST", "/feedback/card", "lk-ada", {"target_action_id": f"A-1000000{number}", "rating": 1})
    assert (await asked("GET", "/admin/locks", "lk-officer")).json()["locks"] == []


async def test_locks_are_for_whoever_may(asked: Asked) -> None:
    for method in ("GET", "DELETE"):
        reply = await asked(method, "/admin/locks?caller=x", "lk-ada")
        assert (reply.status_code, error_of(reply)["code"]) == (403, "not_allowed")


async def test_without_a_journal_no_card_is_taken(asked: Asked) -> None:
    await asked.carried("A-00000001")
    asked.office.records.log.close()
    reply = await asked("POST", "/feedback/card", "lk-ada", {"target_action_id": "A-00000001", "rating": 4})
    assert (reply.status_code, error_of(reply)["code"]) == (503, "journal_unavailable")
    assert asked.office.state.cards.count() == 0


async def test_without_state_the_answer_says_so(asked: Asked) -> None:
    asked.office.state.close()
    reply = await asked("GET", "/feedback/lut", "lk-ada")
    assert reply.status_code in (200, 503)
    health = await asked("GET", "/feedback/health", "lk-ada")
    assert (health.status_code, health.json()["ok"]) == (503, False)
    asked.office.state.open(brought_up_to_date)


async def test_whoever_erases_themselves_takes_cards_tables_and_symbols_along(asked: Asked) -> None:
    await asked.rated("A-00000001", 5)
    await asked(
        "PUT", "/feedback/symbols", "lk-ada", {"consent": True, "symbols": [{"symbol": "x", "intent": "affirm"}]}
    )
    before = await asked.pseudonym("lk-ada")
    asked.office.keeping.run()
    assert (await asked("DELETE", "/me/data", "lk-ada")).json()["known"]
    assert asked.office.state.cards.count() == 0
    assert asked.office.state.feedback_tables.of(before) is None
    assert asked.office.state.symbols.of(before) is None
    assert before.encode() not in (asked.data / "pushed.json").read_bytes()
    assert before.encode() not in (asked.data / "state.db").read_bytes()
    lut = (await asked("GET", "/feedback/lut", "lk-ada")).json()
    assert lut["style"]["temperature_delta"] == 0


async def test_the_page_of_an_exchange_offers_a_card(asked: Asked) -> None:
    await asked.carried("A-00000001")
    page = (await asked("GET", "/audit/view/A-00000001", "lk-ada")).text
    assert "/feedback/card" in page


async def test_the_description_of_the_routes_knows_the_card(asked: Asked) -> None:
    described = msgspec.json.decode((await asked("GET", "/openapi.json", "lk-ada")).content)
    assert {"/feedback/card", "/feedback/lut", "/feedback/health", "/feedback/symbols"} <= set(described["paths"])

"""Subscriptions: handshake, renewal, notifications and lifecycle events."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import requests

from calendar_manager.sandbox.control_client import ControlClient, ControlError, GraphControl
from tests.sandbox.graph_api import PERSON, GraphApi, Json, timed
from tests.sandbox.graph_listener import Listener, listen
from tests.sandbox.test_graph_description import SPEC, check, success_schema

pytestmark = pytest.mark.unit

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
LUNCH = timed("2026-03-03T12:00:00", "2026-03-03T13:00:00")


@pytest.fixture
def graph(control: ControlClient) -> GraphControl:
    control.set_clock(NOW)
    control.graph.add_account(PERSON)
    return control.graph


@pytest.fixture
def api(control: ControlClient, graph: GraphControl, web: requests.Session) -> GraphApi:
    del graph
    return GraphApi(control, web)


@pytest.fixture
def listener() -> Iterator[Listener]:
    with listen() as listener:
        yield listener


def ask(listener: Listener, minutes: int = 600, **fields: Any) -> Json:
    return {
        "changeType": "created,updated,deleted",
        "resource": "/me/calendar/events",
        "notificationUrl": f"{listener.url}/hook",
        "lifecycleNotificationUrl": f"{listener.url}/life",
        "clientState": "secret",
        "expirationDateTime": f"{NOW + timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%S.0000000Z}",
        **fields,
    }


def read_end(subscription: Json) -> datetime:
    return datetime.fromisoformat(subscription["expirationDateTime"][:19] + "+00:00")


def test_both_addresses_shake_hands_before_the_answer(api: GraphApi, listener: Listener) -> None:
    made = api.post("subscriptions", ask(listener))
    assert listener.handshakes == ["/hook", "/life"]
    assert made["clientState"] == "secret"
    assert read_end(made) == NOW + timedelta(minutes=600)
    schema = success_schema(SPEC["paths"]["/subscriptions"]["post"])
    assert schema is not None
    check(made, schema)
    listed = api.get("subscriptions")
    schema = success_schema(SPEC["paths"]["/subscriptions"]["get"])
    assert schema is not None
    check(listed, schema)
    assert [one["id"] for one in listed["value"]] == [made["id"]]
    assert api.get(f"subscriptions/{made['id']}")["resource"] == "/me/calendar/events"


@pytest.mark.parametrize(
    ("echo", "content_type"),
    [("OK", "text/plain"), ('"{token}"', "text/plain"), ("{token}", "application/json")],
)
def test_a_wrong_handshake_makes_no_subscription(
    api: GraphApi, graph: GraphControl, listener: Listener, echo: str, content_type: str
) -> None:
    listener.echo, listener.content_type = echo, content_type
    assert api.error("POST", "subscriptions", json=ask(listener)) == (400, "ValidationError")
    assert graph.subscriptions() == []


def test_an_address_that_nobody_answers_makes_no_subscription(
    api: GraphApi, listener: Listener
) -> None:
    body = ask(listener, notificationUrl="http://127.0.0.1:1/hook")
    assert api.error("POST", "subscriptions", json=body) == (400, "ValidationError")


@pytest.mark.parametrize(
    "changes",
    [
        {"notificationUrl": "http://app.example/hook"},
        {"resource": "/me/messages"},
        {"changeType": "exploded"},
        {"clientState": "x" * 129},
        {"expirationDateTime": None},
        {"includeResourceData": True},
        {"id": "mine"},
        {"expirationDateTime": "2026-03-01T11:59:59Z"},
        {"expirationDateTime": "2026-03-08T12:00:01Z"},
    ],
)
def test_unacceptable_subscriptions_are_400(
    api: GraphApi, listener: Listener, changes: Json
) -> None:
    body = {**ask(listener), **changes}
    assert api.error("POST", "subscriptions", json=body) == (400, "InvalidRequest")
    assert listener.handshakes == []


def test_lives_have_a_floor_and_a_ceiling_and_can_be_renewed(
    api: GraphApi, graph: GraphControl, control: ControlClient, listener: Listener
) -> None:
    made = api.post("subscriptions", ask(listener, 5))
    assert read_end(made) == NOW + timedelta(minutes=45)
    path = f"subscriptions/{made['id']}"
    later = {"expirationDateTime": f"{NOW + timedelta(days=7):%Y-%m-%dT%H:%M:%SZ}"}
    assert read_end(api.patch(path, later)) == NOW + timedelta(days=7)
    graph.change_graph_settings(subscription_max_minutes=4230)
    assert api.error("PATCH", path, json=later) == (400, "InvalidRequest")
    state = {"clientState": "another"}
    assert api.error("PATCH", path, json=state) == (400, "InvalidRequest")
    assert api.send("POST", f"{path}/reauthorize").status_code == 204
    control.advance_clock(timedelta(days=7).total_seconds())
    api.token = graph.issue_tokens(PERSON).access_token
    assert api.error("GET", path) == (404, "ResourceNotFound")


def test_changes_are_told_with_the_client_state(
    api: GraphApi, graph: GraphControl, listener: Listener
) -> None:
    made = api.post("subscriptions", ask(listener))
    (event,) = graph.create_events(PERSON, [LUNCH])
    graph.flush_graph_notifications()
    graph.mutate(PERSON, "edit", event["id"], changes={"subject": "Lunch"})
    graph.flush_graph_notifications()
    graph.mutate(PERSON, "delete", event["id"])
    graph.flush_graph_notifications()
    assert [item["changeType"] for item in listener.items] == ["created", "updated", "deleted"]
    first = listener.items[0]
    account = graph.add_account("other@client.example")
    assert first["clientState"] == "secret"
    assert first["subscriptionId"] == made["id"]
    assert first["resourceData"]["id"] == event["id"]
    assert first["resource"].endswith(f"/Events/{event['id']}")
    assert first["tenantId"] == account["tid"]


def test_one_post_mixes_subscriptions(
    api: GraphApi, graph: GraphControl, listener: Listener
) -> None:
    calendar = str(graph.add_calendar(PERSON, "Other")["id"])
    api.post("subscriptions", ask(listener, clientState="one"))
    path = f"me/calendars/{calendar}/events"
    api.post("subscriptions", ask(listener, resource=path, clientState="two"))
    api.post("subscriptions", ask(listener, resource="me/events", clientState="all"))
    graph.create_events(PERSON, [LUNCH])
    graph.create_events(PERSON, [LUNCH], calendar)
    graph.flush_graph_notifications()
    assert sorted(item["clientState"] for item in listener.items) == ["all", "all", "one", "two"]
    assert len(listener.posts) < 4
    assert max(len(post["value"]) for post in listener.posts) > 1


def test_failed_deliveries_are_tried_again(
    api: GraphApi, graph: GraphControl, listener: Listener
) -> None:
    api.post("subscriptions", ask(listener))
    listener.failures = 1
    graph.create_events(PERSON, [LUNCH])
    graph.flush_graph_notifications()
    assert len(listener.items) == 1


@pytest.mark.parametrize(("mode", "count"), [("lost", 0), ("doubled", 2), ("late", 1)])
def test_notifications_can_go_astray(
    api: GraphApi,
    graph: GraphControl,
    control: ControlClient,
    listener: Listener,
    mode: Any,
    count: int,
) -> None:
    control.change_settings(notifications=mode, notification_delay_seconds=0.2)
    api.post("subscriptions", ask(listener))
    graph.create_events(PERSON, [LUNCH])
    graph.flush_graph_notifications()
    assert len(listener.items) == count


def test_notifications_can_change_places(
    api: GraphApi, graph: GraphControl, control: ControlClient, listener: Listener
) -> None:
    control.change_settings(notifications="reordered", notification_delay_seconds=0.5)
    api.post("subscriptions", ask(listener))
    made = [str(graph.create_events(PERSON, [LUNCH])[0]["id"]) for _ in range(2)]
    graph.flush_graph_notifications()
    assert {item["resourceData"]["id"] for item in listener.items} == set(made)
    assert len(listener.posts) == 2


@pytest.mark.parametrize("event", ["reauthorizationRequired", "missed", "subscriptionRemoved"])
def test_lifecycle_events_are_sent_on_demand(
    api: GraphApi, graph: GraphControl, listener: Listener, event: Any
) -> None:
    made = api.post("subscriptions", ask(listener))
    graph.send_lifecycle(made["id"], event)
    graph.flush_graph_notifications()
    (item,) = listener.items
    assert (item["lifecycleEvent"], item["clientState"]) == (event, "secret")
    gone = event == "subscriptionRemoved"
    assert len(graph.subscriptions()) == (0 if gone else 1)
    if gone:
        with pytest.raises(ControlError, match="404"):
            graph.send_lifecycle(made["id"], event)


def test_deleted_subscriptions_and_calendars_are_quiet(
    api: GraphApi, graph: GraphControl, listener: Listener
) -> None:
    calendar = str(graph.add_calendar(PERSON, "Other")["id"])
    made = api.post("subscriptions", ask(listener))
    api.post("subscriptions", ask(listener, resource=f"/me/calendars/{calendar}/events"))
    assert api.send("DELETE", f"subscriptions/{made['id']}").status_code == 204
    graph.remove_calendar(PERSON, calendar)
    assert graph.subscriptions() == []
    graph.create_events(PERSON, [LUNCH])
    graph.flush_graph_notifications()
    assert listener.items == []


def test_subscriptions_belong_to_their_account(
    api: GraphApi, graph: GraphControl, listener: Listener
) -> None:
    made = api.post("subscriptions", ask(listener))
    foreign = graph.add_account("bea@client.example")
    resource = f"/users/{foreign['oid']}/events"
    denied = api.error("POST", "subscriptions", json=ask(listener, resource=resource))
    assert denied == (403, "ErrorAccessDenied")
    api.token = graph.issue_tokens("bea@client.example").access_token
    assert api.error("DELETE", f"subscriptions/{made['id']}") == (404, "ResourceNotFound")
    assert api.listed("subscriptions") == []
    api.post("subscriptions", ask(listener, resource=resource))
    graph.create_events(PERSON, [LUNCH])
    graph.flush_graph_notifications()
    assert len(listener.items) == 1

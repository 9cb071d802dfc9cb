"""Webhooks of the sandbox's Cal.com: what they may be, what they are told, and how it is signed."""

import hashlib
import hmac
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
import requests

from calendar_manager.sandbox.control_client import CaldotcomControl, ControlClient
from tests.sandbox.caldotcom_receiver import Receiver, receive
from tests.sandbox.caldotcom_sandbox_api import (
    HOST,
    CaldotcomApi,
    Json,
    at,
    open_account,
    text,
)
from tests.sandbox.caldotcom_sandbox_spec import (
    check,
    needs_description,
    operation,
    request_schema,
    response_schema,
)

pytestmark = pytest.mark.unit

SECRET = "s3cret"
BOOKING_TRIGGERS = [
    "BOOKING_CREATED",
    "BOOKING_REQUESTED",
    "BOOKING_RESCHEDULED",
    "BOOKING_CANCELLED",
    "BOOKING_REJECTED",
    "BOOKING_NO_SHOW_UPDATED",
]
ONE = "/v2/webhooks/{webhookId}"


@pytest.fixture
def api(control: ControlClient, web: requests.Session) -> CaldotcomApi:
    return open_account(control, web)


@pytest.fixture
def caldotcom(control: ControlClient) -> CaldotcomControl:
    return control.caldotcom


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receive() as receiver:
        yield receiver


def ask(receiver: Receiver, **fields: Any) -> Json:
    return {
        "subscriberUrl": receiver.address,
        "triggers": [*BOOKING_TRIGGERS, "OOO_CREATED"],
        "active": True,
        "secret": SECRET,
        **fields,
    }


class TestDoors:
    def test_webhook_is_made_read_changed_and_deleted(
        self, api: CaldotcomApi, caldotcom: CaldotcomControl, receiver: Receiver
    ) -> None:
        made = api.post("webhooks", ask(receiver))
        path = f"webhooks/{made['id']}"
        assert (made["subscriberUrl"], made["active"]) == (receiver.address, True)
        assert made["secret"] == SECRET
        assert api.get(path) == made
        assert api.get("webhooks") == caldotcom.webhooks() == [made]
        changed = api.ok("PATCH", path, json={"active": False, "triggers": ["BOOKING_PAID"]})
        assert changed == {**made, "active": False, "triggers": ["BOOKING_PAID"]}
        assert api.ok("DELETE", path) == changed
        assert api.refused("GET", path)[0] == 404
        assert api.refused("DELETE", path)[0] == 404
        assert caldotcom.webhooks() == []

    def test_webhooks_need_a_key_or_token_and_belong_to_its_account(
        self, api: CaldotcomApi, caldotcom: CaldotcomControl, receiver: Receiver
    ) -> None:
        made = api.post("webhooks", ask(receiver))
        caldotcom.add_account("other@example.com")
        api.token = caldotcom.issue_tokens("other@example.com").access_token
        assert api.get("webhooks") == []
        assert api.refused("GET", f"webhooks/{made['id']}")[0] == 404
        # The address is taken within an account only.
        assert api.post("webhooks", ask(receiver))["id"] != made["id"]
        api.token = None
        assert api.refused("GET", "webhooks")[0] == 401
        assert api.refused("POST", "webhooks", json=ask(receiver))[0] == 401

    def test_pages_are_counted(self, api: CaldotcomApi, receiver: Receiver) -> None:
        made = [
            api.post("webhooks", ask(receiver, subscriberUrl=f"{receiver.address}?{number}"))
            for number in range(3)
        ]
        assert api.get("webhooks", take=2) == made[:2]
        assert api.get("webhooks", take=2, skip=2) == made[2:]

    @pytest.mark.parametrize(
        ("fields", "status"),
        [
            ({"subscriberUrl": "http://app.example/hook"}, 400),
            ({"subscriberUrl": "https:///hook"}, 400),
            ({"subscriberUrl": ""}, 400),
            ({"triggers": ["BOOKING_CONFIRMED"]}, 400),
            ({"version": "2030-01-01"}, 400),
            ({"surprise": 1}, 400),
            ({}, 409),
        ],
    )
    def test_unacceptable_webhooks_are_refused(
        self, api: CaldotcomApi, receiver: Receiver, fields: Json, status: int
    ) -> None:
        api.post("webhooks", ask(receiver))
        assert api.refused("POST", "webhooks", json=ask(receiver, **fields))[0] == status

    def test_https_is_accepted(self, api: CaldotcomApi, receiver: Receiver) -> None:
        body = ask(receiver, subscriberUrl="https://app.example/hook", active=False)
        assert api.post("webhooks", body)["subscriberUrl"] == "https://app.example/hook"

    def test_build_without_absences_does_not_know_their_trigger(
        self, api: CaldotcomApi, caldotcom: CaldotcomControl, receiver: Receiver
    ) -> None:
        caldotcom.change_caldotcom_settings(out_of_office=False)
        status, message = api.refused("POST", "webhooks", json=ask(receiver))
        assert (status, "must be one of" in message) == (400, True)
        assert api.post("webhooks", ask(receiver, triggers=BOOKING_TRIGGERS))


@needs_description
class TestDescription:
    def test_bodies_and_answers_are_described_ones(
        self, api: CaldotcomApi, receiver: Receiver
    ) -> None:
        body = ask(receiver, payloadTemplate="{}", version="2021-10-20")
        check(body, request_schema("POST", "/v2/webhooks"))
        made = api.send("POST", "webhooks", json=body)
        check(made.json(), response_schema("POST", "/v2/webhooks", 201))
        path = f"webhooks/{made.json()['data']['id']}"
        change = {"active": False}
        check(change, request_schema("PATCH", ONE))
        for method in ("GET", "PATCH", "DELETE"):
            answer = api.send(method, path, json=change if method == "PATCH" else None)
            check(answer.json(), response_schema(method, ONE, 200))
        api.post("webhooks", {"subscriberUrl": "https://a.example", "triggers": [], "active": True})
        check(api.send("GET", "webhooks").json(), response_schema("GET", "/v2/webhooks", 200))

    def test_every_described_trigger_is_accepted(
        self, api: CaldotcomApi, receiver: Receiver
    ) -> None:
        schema = request_schema("POST", "/v2/webhooks")["$ref"].rpartition("/")[2]
        assert schema == "CreateWebhookInputDto"
        body = {"subscriberUrl": receiver.address, "triggers": ["NONE"], "active": True}
        with pytest.raises(jsonschema.ValidationError) as caught:
            check(body, request_schema("POST", "/v2/webhooks"))
        triggers = caught.value.validator_value
        assert api.post("webhooks", {**body, "triggers": triggers})["triggers"] == triggers

    def test_no_path_has_a_version(self) -> None:
        for method, path in (("GET", "/v2/webhooks"), ("POST", "/v2/webhooks"), ("GET", ONE)):
            names = {one["name"] for one in operation(method, path)["parameters"]}
            assert "cal-api-version" not in names


class TestMessages:
    def test_message_is_signed_over_its_raw_body(
        self,
        api: CaldotcomApi,
        caldotcom: CaldotcomControl,
        control: ControlClient,
        receiver: Receiver,
    ) -> None:
        api.post("webhooks", ask(receiver))
        (booking,) = caldotcom.book(HOST, at(3, 10), title="Café")
        control.flush_notifications()
        (received,) = receiver.received
        digest = hmac.new(SECRET.encode(), received.body, hashlib.sha256).hexdigest()
        assert received.headers["x-cal-signature-256"] == digest
        assert received.headers["content-type"] == "application/json"
        assert received.message.keys() == {"triggerEvent", "createdAt", "payload"}
        assert received.trigger == "BOOKING_CREATED"
        payload = received.message["payload"]
        assert (payload["uid"], payload["bookingId"]) == (booking["uid"], booking["id"])
        assert (payload["title"], payload["startTime"]) == ("Café", "2026-03-03T10:00:00.000Z")
        assert payload["organizer"]["email"] == HOST

    def test_message_without_a_secret_says_so(
        self,
        api: CaldotcomApi,
        caldotcom: CaldotcomControl,
        control: ControlClient,
        receiver: Receiver,
    ) -> None:
        api.post("webhooks", {**ask(receiver), "secret": ""})
        caldotcom.book(HOST, at(3, 10))
        control.flush_notifications()
        assert receiver.received[0].headers["x-cal-signature-256"] == "no-secret-provided"

    def test_every_change_of_a_booking_is_told(
        self,
        api: CaldotcomApi,
        caldotcom: CaldotcomControl,
        control: ControlClient,
        receiver: Receiver,
    ) -> None:
        api.post("webhooks", ask(receiver))
        caldotcom.add_event_type(HOST, "Talk", requires_confirmation=True)
        (talk,) = caldotcom.book(HOST, at(3, 10), event_type="talk")
        caldotcom.mutate(HOST, "confirm", talk["uid"])
        (other,) = caldotcom.book(HOST, at(3, 12), event_type="talk")
        caldotcom.mutate(HOST, "decline", other["uid"])
        (plain,) = caldotcom.book(HOST, at(4, 10))
        moved = caldotcom.mutate(HOST, "reschedule", plain["uid"], start=text(4, 14))[0]
        again = caldotcom.mutate(HOST, "reschedule", talk["uid"], start=text(5, 14))[0]
        caldotcom.mutate(HOST, "mark_absent", moved["uid"])
        caldotcom.mutate(HOST, "cancel", moved["uid"])
        control.flush_notifications()
        assert [(one.trigger, one.uid) for one in receiver.received] == [
            ("BOOKING_REQUESTED", talk["uid"]),
            ("BOOKING_CREATED", talk["uid"]),
            ("BOOKING_REQUESTED", other["uid"]),
            ("BOOKING_REJECTED", other["uid"]),
            ("BOOKING_CREATED", plain["uid"]),
            ("BOOKING_RESCHEDULED", moved["uid"]),
            ("BOOKING_REQUESTED", again["uid"]),
            ("BOOKING_NO_SHOW_UPDATED", moved["uid"]),
            ("BOOKING_CANCELLED", moved["uid"]),
        ]
        assert receiver.received[5].message["payload"]["rescheduleUid"] == plain["uid"]

    def test_changes_through_the_api_and_of_seats_are_told_too(
        self,
        api: CaldotcomApi,
        caldotcom: CaldotcomControl,
        control: ControlClient,
        receiver: Receiver,
    ) -> None:
        api.post("webhooks", ask(receiver))
        caldotcom.add_event_type(HOST, "Course", seats=3)
        (course,) = caldotcom.book(HOST, at(5, 10), event_type="course")
        guest = {"attendee_email": "b@x.example"}
        (taken,) = caldotcom.mutate(HOST, "add_seat", course["uid"], **guest)  # type: ignore[arg-type]  # A literal.
        seat = taken["attendees"][1]["seatUid"]
        other = caldotcom.mutate(
            HOST, "reschedule", course["uid"], seat_uid=seat, start=text(6, 10)
        )[0]
        caldotcom.mutate(HOST, "reschedule", other["uid"], start=text(6, 12))
        api.post(f"bookings/{course['uid']}/cancel", {"cancellationReason": "ill"})
        control.flush_notifications()
        assert [(one.trigger, one.uid) for one in receiver.received] == [
            ("BOOKING_CREATED", course["uid"]),
            ("BOOKING_CREATED", course["uid"]),
            ("BOOKING_RESCHEDULED", other["uid"]),
            ("BOOKING_RESCHEDULED", other["uid"]),
            ("BOOKING_CANCELLED", course["uid"]),
        ]
        assert receiver.received[-1].message["payload"]["cancellationReason"] == "ill"

    def test_of_absences_only_the_first_word_is_told(
        self,
        api: CaldotcomApi,
        caldotcom: CaldotcomControl,
        control: ControlClient,
        receiver: Receiver,
    ) -> None:
        api.post("webhooks", ask(receiver))
        entry = caldotcom.add_ooo(HOST, at(9, 0), at(10, 0), reason="vacation")
        caldotcom.change_ooo(HOST, entry["id"], notes="far away")
        caldotcom.remove_ooo(HOST, entry["id"])
        control.flush_notifications()
        (received,) = receiver.received
        assert received.trigger == "OOO_CREATED"
        assert received.message["payload"]["oooEntry"]["uuid"] == entry["uuid"]

    def test_only_active_webhooks_hear_what_they_asked_for(
        self,
        api: CaldotcomApi,
        caldotcom: CaldotcomControl,
        control: ControlClient,
        receiver: Receiver,
    ) -> None:
        address = receiver.address
        api.post("webhooks", ask(receiver, subscriberUrl=f"{address}?off", active=False))
        api.post(
            "webhooks", ask(receiver, subscriberUrl=f"{address}?paid", triggers=["BOOKING_PAID"])
        )
        api.post("webhooks", ask(receiver, subscriberUrl=f"{address}?one"))
        api.post("webhooks", ask(receiver, subscriberUrl=f"{address}?two"))
        caldotcom.add_account("other@example.com")
        caldotcom.book("other@example.com", at(3, 12))
        caldotcom.book(HOST, at(3, 10))
        control.flush_notifications()
        paths = [one.path for one in receiver.received]
        assert paths == ["/webhooks/caldotcom?one", "/webhooks/caldotcom?two"]

    def test_template_takes_the_place_of_the_message(
        self,
        api: CaldotcomApi,
        caldotcom: CaldotcomControl,
        control: ControlClient,
        receiver: Receiver,
    ) -> None:
        template = '{"who": "{{attendees.0.email}}", "what": "{{triggerEvent}}", "no": "{{x.y.0}}"}'
        api.post("webhooks", ask(receiver, payloadTemplate=template))
        plain = {"subscriberUrl": f"{receiver.address}?plain", "payloadTemplate": "uid={{uid}}"}
        api.post("webhooks", ask(receiver, **plain))
        (booking,) = caldotcom.book(HOST, at(3, 10), attendee_email="gil@client.example")
        control.flush_notifications()
        filled, form = receiver.received
        expected = {"who": "gil@client.example", "what": "BOOKING_CREATED", "no": ""}
        assert filled.message == expected
        assert form.body.decode() == f"uid={booking['uid']}"
        assert form.headers["content-type"] == "application/x-www-form-urlencoded"

    def test_receiver_in_trouble_is_not_tried_again(
        self,
        api: CaldotcomApi,
        caldotcom: CaldotcomControl,
        control: ControlClient,
        receiver: Receiver,
    ) -> None:
        api.post("webhooks", ask(receiver))
        receiver.statuses = [503]
        caldotcom.book(HOST, at(3, 10))
        caldotcom.book(HOST, at(3, 12))
        control.flush_notifications()
        assert len(receiver.received) == 2
        sent = control.deliveries("caldotcom")
        assert [(one.number, one.status, one.attempt) for one in sent] == [(1, 503, 0), (2, 200, 0)]

// The week: a calendar grid, its filters, its time zone, and the details beside it.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  const page = document.getElementById("week");
  if (!page || !window.FullCalendar) {
    return;
  }
  const { classesOf, draw, element, mendRoles } = window.calendarManager.meetings;
  const { offerZones } = window.calendarManager;
  const VIEWS = { week: "timeGridWeek", day: "timeGridDay", month: "dayGridMonth", agenda: "agenda" };
  const find = (selector) => page.querySelector(selector);
  const filters = find("#filter-form");
  const dialog = document.getElementById("event");
  const body = document.getElementById("event-body");
  const narrow = window.matchMedia("(max-width: 52rem)");
  let zone = page.dataset.zone;
  let opened = "";
  let lost = "";
  let asked = 0;

  /** Return the wall clock of a zone now, as the grid writes it: without an offset. */
  function wallClock() {
    const parts = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone, hourCycle: "h23", year: "numeric", month: "2-digit", day: "2-digit",
      hour: "2-digit", minute: "2-digit", second: "2-digit",
    }).formatToParts(new Date());
    const of = Object.fromEntries(parts.map((part) => [part.type, part.value]));
    return `${of.year}-${of.month}-${of.day}T${of.hour}:${of.minute}:${of.second}`;
  }

  /** Return what the filters say; a filter that hides nothing is left out. */
  function readFilters() {
    const said = new URLSearchParams();
    for (const name of ["calendar", "client"]) {
      const boxes = [...filters.querySelectorAll(`input[name="${name}"]`)];
      const ticked = boxes.filter((box) => box.checked);
      if (ticked.length === boxes.length) {
        continue;
      }
      for (const box of ticked) {
        said.append(name, box.value);
      }
      if (!ticked.length) {
        said.append(name, "");
      }
    }
    for (const name of ["declined", "color"]) {
      if (filters.elements[name]?.checked) {
        said.append(name, filters.elements[name].value);
      }
    }
    return said;
  }

  /** Ask for what lies in a range; an answer that was overtaken by a newer question is dropped. */
  async function load(range, succeed, fail) {
    asked += 1;
    const mine = asked;
    const query = readFilters();
    query.set("start", range.startStr.slice(0, 10));
    query.set("end", range.endStr.slice(0, 10));
    query.set("tz", zone);
    let drawn;
    try {
      const answer = await fetch(`/week/events?${query}`, {
        headers: { Accept: "application/json", "HX-Request": "true", "HX-Current-URL": location.href },
      });
      const signIn = answer.headers.get("HX-Redirect");
      if (signIn) {
        location.assign(signIn);
        return;
      }
      if (!answer.ok) {
        throw new Error((await answer.json()).detail);
      }
      drawn = await answer.json();
    } catch (error) {
      window.calendarManager.toast("The week cannot be loaded. Try again in a moment.", "bad");
      fail(error);
      return;
    }
    if (mine === asked) {
      tell(drawn);
    }
    succeed([
      ...drawn.events.map((one) => ({
        id: one.id, title: one.title, start: one.start, end: one.end, allDay: one.all_day,
        url: one.url, borderColor: one.color, classNames: classesOf(one), extendedProps: { one },
      })),
      ...drawn.free.map(([start, end]) => ({ start, end, display: "background", classNames: ["free"] })),
    ]);
  }

  /** Say around the grid what it shows. */
  function tell(drawn) {
    const count = (number, noun) => `${number} ${noun}${number === 1 ? "" : "s"}`;
    const parts = [count(drawn.events.length, "meeting")];
    if (drawn.conflicts) {
      parts.push(count(drawn.conflicts, "open conflict"));
    }
    if (drawn.hidden) {
      parts.push(`${drawn.hidden} hidden by filters`);
    }
    if (drawn.truncated) {
      parts.push("there is more than can be shown; choose a shorter time");
    }
    find("#summary").textContent = parts.join(" · ");
    const noticed = (id, text) => {
      const notice = find(id);
      notice.hidden = !text;
      notice.querySelector("span").textContent = text;
    };
    noticed("#clocks", drawn.clock_changes.join(" "));
    const names = drawn.reading.join(", ");
    noticed("#reading", names && `Reading ${names} for the first time. Events appear here as they arrive.`);
    page.classList.toggle("is-reading", Boolean(names));
    const nothing = find("#nothing");
    nothing.hidden = drawn.events.length > 0;
    nothing.querySelector("p").textContent = drawn.hidden
      ? "The filters hide everything here."
      : names ? "Nothing has arrived yet." : "Nothing is planned here.";
    find("#show-all").hidden = !drawn.hidden;
  }

  const reads = (date) => String(date.hour).padStart(2, "0") + ":" + String(date.minute).padStart(2, "0");

  const calendar = new window.FullCalendar.Calendar(find("#grid"), {
    initialView: VIEWS[page.dataset.view] || (narrow.matches ? VIEWS.agenda : VIEWS.week),
    initialDate: page.dataset.date,
    timeZone: zone,
    now: wallClock,
    nowIndicator: true,
    headerToolbar: false,
    firstDay: 1,
    height: "100%",
    views: {
      dayGridMonth: { dayMaxEvents: 4 },
      agenda: { type: "list", duration: { days: 14 } },
    },
    scrollTime: "07:30:00",
    scrollTimeReset: false,
    slotDuration: "00:30:00",
    slotLabelInterval: "01:00:00",
    slotLabelFormat: ({ date }) => reads(date),
    eventTimeFormat: ({ start, end }) => (end ? `${reads(start)}–${reads(end)}` : reads(start)),
    noEventsContent: "Nothing is planned here.",
    allDayContent: "all day",
    moreLinkClick: "popover",
    dayHeaderContent({ date, view }) {
      if (view.type === VIEWS.agenda) {
        const day = { weekday: "long", day: "numeric", month: "long", timeZone: "UTC" };
        const name = new Intl.DateTimeFormat("en-GB", day).format(date);
        return { domNodes: [element("span", "list-day", name)] };
      }
      const weekday = new Intl.DateTimeFormat("en-GB", { weekday: "short", timeZone: "UTC" }).format(date);
      const parts = [element("span", "weekday", weekday)];
      if (view.type !== VIEWS.month) {
        parts.push(document.createTextNode(" "), element("span", "day", String(date.getUTCDate())));
      }
      return { domNodes: parts };
    },
    eventDisplay: "block",
    eventInteractive: true,
    eventOrder: "start,-duration,allDay,title",
    slotEventOverlap: false,
    eventMinHeight: 24,
    events: load,
    lazyFetching: false,
    eventContent: draw,
    eventDidMount({ event, el, view }) {
      const one = event.extendedProps.one;
      if (!one) {
        return;
      }
      el.style.setProperty("--c", one.color);
      el.dataset.occurrence = one.id;
      if (view.type !== VIEWS.agenda) {
        el.title = `${one.title}, ${one.label}`;
      }
      if (lost === one.id) {
        lost = "";
        linkOf(el).focus({ preventScroll: true });
      }
    },
    // New answers are drawn with new elements; the focus goes on from the old one to the new one.
    eventWillUnmount({ el }) {
      if (el.contains(document.activeElement)) {
        lost = el.dataset.occurrence || "";
      }
    },
    eventClick({ event, jsEvent }) {
      if (jsEvent.ctrlKey || jsEvent.metaKey || jsEvent.shiftKey) {
        return;
      }
      jsEvent.preventDefault();
      open(event.extendedProps.one);
    },
    loading(busy) {
      find("#grid").setAttribute("aria-busy", String(busy));
    },
    datesSet({ view }) {
      const name = nameOf(view.type);
      page.dataset.shows = name;
      const height = ["week", "day"].includes(name) ? "100%" : "auto";
      if (calendar.getOption("height") !== height) {
        calendar.setOption("height", height);
      }
      for (const button of page.querySelectorAll("button[data-view]")) {
        button.setAttribute("aria-pressed", String(button.dataset.view === name));
      }
      find("#range").textContent = describe(view, name);
      keepAddress();
    },
  });

  function nameOf(type) {
    return Object.keys(VIEWS).find((name) => VIEWS[name] === type);
  }

  /** Return the name of the time that is shown, such as "23 – 29 November 2026". */
  function describe(view, name) {
    const format = (options) => new Intl.DateTimeFormat("en-GB", { timeZone: "UTC", ...options });
    if (name === "month") {
      return format({ month: "long", year: "numeric" }).format(view.currentStart);
    }
    const last = new Date(view.currentEnd.getTime() - 86_400_000);
    const long = { day: "numeric", month: "long", year: "numeric" };
    return name === "day"
      ? format({ weekday: "long", ...long }).format(view.currentStart)
      : format(long).formatRange(view.currentStart, last);
  }

  /** Keep everything that was chosen in the address, so that it can be shared and come back to. */
  function keepAddress() {
    const said = readFilters();
    const here = new URLSearchParams({ date: calendar.getDate().toISOString().slice(0, 10) });
    here.set("view", nameOf(calendar.view.type));
    if (zone !== page.dataset.ownZone) {
      here.set("tz", zone);
    }
    for (const [name, value] of said) {
      here.append(name, value);
    }
    history.replaceState(null, "", `/week?${here}`);
  }

  function go(where) {
    if (where === "today") {
      calendar.today();
    } else {
      calendar[where]();
    }
  }

  /** Return the part of a meeting that takes the focus: in the agenda a link within its row. */
  function linkOf(drawn) {
    return drawn.matches("a") ? drawn : drawn.querySelector("a");
  }

  // Details.
  async function open(one) {
    opened = one.id;
    await window.htmx.ajax("GET", one.url, { target: body, swap: "innerHTML" });
    if (body.querySelector(".event-details") && opened === one.id) {
      if (!dialog.open) {
        dialog.showModal();
      }
      body.querySelector("#event-title").focus();
    }
  }

  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) {
      dialog.close();
    }
  });
  dialog.addEventListener("close", () => {
    body.replaceChildren();
    // The grid may have drawn the meeting anew since, so that the old element is gone.
    const again = page.querySelector(`[data-occurrence="${CSS.escape(opened)}"]`);
    if (again) {
      linkOf(again).focus();
    }
  });
  document.addEventListener("week-changed", () => calendar.refetchEvents());
  document.addEventListener("htmx:beforeSwap", (event) => {
    const { xhr } = event.detail;
    if (xhr.status === 422 && (xhr.getResponseHeader("Content-Type") || "").startsWith("text/html")) {
      // The form comes back with what is wrong beside its fields.
      event.detail.shouldSwap = true;
      event.detail.isError = false;
    }
  });

  // Moving about.
  page.addEventListener("click", (event) => {
    const button = event.target.closest("button[data-go], button[data-view]");
    if (button?.dataset.go) {
      go(button.dataset.go);
    } else if (button) {
      calendar.changeView(VIEWS[button.dataset.view]);
    }
  });
  document.addEventListener("keydown", (event) => {
    if (event.target.closest("input, select, textarea, .fc-popover, .account")) {
      return;
    }
    if (dialog.open || event.ctrlKey || event.metaKey || event.altKey) {
      return;
    }
    const where = { t: "today", ArrowLeft: "prev", ArrowRight: "next" }[event.key];
    if (where) {
      event.preventDefault();
      go(where);
    }
  });

  // Filters.
  filters.addEventListener("change", () => {
    keepAddress();
    calendar.refetchEvents();
  });
  filters.addEventListener("submit", (event) => event.preventDefault());
  find("#show-all").addEventListener("click", () => {
    for (const box of filters.querySelectorAll("input[name=calendar], input[name=client]")) {
      box.checked = true;
    }
    filters.dispatchEvent(new Event("change"));
    find("#grid").querySelector("a")?.focus();
  });
  find("#filters").open = !narrow.matches;

  offerZones(page, zone, (name) => {
    zone = name;
    calendar.setOption("timeZone", zone);
    keepAddress();
  });

  // What is shown stays true while the page is open: soon while a first sync runs, else at times.
  let waited = 0;
  setInterval(() => {
    waited += 1;
    const due = page.classList.contains("is-reading") ? 1 : 30;
    if (!document.hidden && waited >= due) {
      waited = 0;
      calendar.refetchEvents();
    }
  }, 4000);
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden) {
      calendar.refetchEvents();
    }
  });

  calendar.render();
  mendRoles(find("#grid"));
  new MutationObserver(() => mendRoles(find("#grid"))).observe(find("#grid"), { childList: true, subtree: true });
});

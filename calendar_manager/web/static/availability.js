// The availability page: rows that come and go, problems beside their fields, and "why not?".
"use strict";

(() => {
  const rules = document.getElementById("rules");
  const why = document.getElementById("why");
  // The keys of dates that a refused form brings back may have gaps, and none may be given twice.
  const keys = [...rules.querySelectorAll("[data-overrides] > li")].map(
    (row) => Number(row.dataset.prefix.split("-")[1]),
  );
  let nextKey = Math.max(-1, ...keys) + 1;

  const isSaved = () => !document.getElementById("refused");

  /** Say that the form differs from what is saved. */
  function noteUnsaved() {
    for (const one of rules.querySelectorAll("[data-unsaved]")) {
      one.hidden = false;
    }
  }

  /** Tell the preview, which listens for it. */
  function noteChange() {
    noteUnsaved();
    rules.dispatchEvent(new CustomEvent("rules-changed", { bubbles: true }));
  }

  /** Return a copy of a template's row with the words in it replaced. */
  function makeRow(id, words = {}) {
    const row = document.getElementById(id).content.firstElementChild.cloneNode(true);
    for (const element of [row, ...row.querySelectorAll("*")]) {
      for (const attribute of [...element.attributes]) {
        for (const [from, to] of Object.entries(words)) {
          if (attribute.value.includes(from)) {
            element.setAttribute(attribute.name, attribute.value.replaceAll(from, to));
          }
        }
      }
    }
    for (const note of row.querySelectorAll("[data-problem]")) {
      note.removeAttribute("id");
    }
    return row;
  }

  function addHours(list, start = "", end = "") {
    const row = makeRow("hours-template", { PREFIX: list.dataset.prefix, OF: list.dataset.of });
    const [first, last] = row.querySelectorAll("input");
    [first.value, last.value] = [start, end];
    list.append(row);
    return first;
  }

  function copyMonday() {
    const rows = [...rules.querySelectorAll('[data-prefix="mon"] > li')];
    const hours = rows.map((row) => [...row.querySelectorAll("input")].map((input) => input.value));
    for (const day of ["tue", "wed", "thu", "fri"]) {
      const list = rules.querySelector(`[data-rows][data-prefix="${day}"]`);
      list.replaceChildren();
      for (const [start, end] of hours) {
        addHours(list, start, end);
      }
    }
    window.calendarManager.toast("Monday’s hours stand on all weekdays now.");
    noteChange();
  }

  /** After a row is gone, the focus goes to the button that adds one. */
  function removeRow(button) {
    const row = button.closest("[data-row]");
    const place = row.parentElement.closest("[data-row], .day-hours, section");
    row.remove();
    place.querySelector("[data-add-hours], [data-add-override], [data-add-days-off]")?.focus();
    noteChange();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) {
      return;
    }
    if (button.matches("[data-remove-row]")) {
      removeRow(button);
    } else if (button.matches("[data-add-hours]")) {
      addHours(button.closest(".day-hours, [data-row]").querySelector("[data-rows]")).focus();
    } else if (button.matches("[data-add-override]")) {
      const row = makeRow("override-template", { KEY: String(nextKey++) });
      rules.querySelector("[data-overrides]").append(row);
      row.querySelector("input").focus();
    } else if (button.matches("[data-add-days-off]")) {
      const row = makeRow("days-off-template");
      rules.querySelector("[data-days-off]").append(row);
      row.querySelector("input").focus();
    } else if (button.matches("[data-copy-monday]")) {
      copyMonday();
    }
  });

  rules.addEventListener("input", noteUnsaved);
  if (!isSaved()) {
    noteUnsaved();
  }

  // A clock may be typed as 9, 930 or 9.30; it is written out when the field is left.
  document.addEventListener("change", (event) => {
    if (!event.target.matches("[data-clock]")) {
      return;
    }
    const match = /^([0-9]{1,2}?)[:.h]?([0-9]{2})?$/.exec(event.target.value.trim());
    if (match) {
      event.target.value = `${match[1].padStart(2, "0")}:${match[2] || "00"}`;
    }
  });

  /** Put what is wrong beside its field: the field is found by its name and its position. */
  function showProblems(problems) {
    for (const field of rules.querySelectorAll("[aria-invalid]")) {
      field.removeAttribute("aria-invalid");
      field.removeAttribute("aria-describedby");
    }
    for (const note of rules.querySelectorAll("[data-problem]")) {
      note.hidden = true;
      note.textContent = "";
    }
    problems.forEach((problem, index) => {
      const [name, position] = problem.dataset.fieldProblem.split(":");
      const field = rules.querySelectorAll(`[name="${CSS.escape(name)}"]`)[Number(position)];
      const note = field?.closest(".pair, .field, .override-day")?.querySelector("[data-problem]");
      if (note) {
        note.id ||= `problem-now-${index}`;
        note.textContent = problem.querySelector("[data-text]").textContent;
        note.hidden = false;
        field.setAttribute("aria-invalid", "true");
        field.setAttribute("aria-describedby", note.id);
      }
    });
  }

  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "preview-part") {
      showProblems([...event.detail.target.querySelectorAll("[data-field-problem]")]);
    } else if (event.detail.target.id === "regions") {
      noteChange();
    }
  });

  /** Ask why a start cannot be booked. */
  function ask(day, clock) {
    const form = document.getElementById("why-form");
    form.elements.why_date.value = day;
    form.elements.why_time.value = clock;
    form.elements.why_minutes.value ||= rules.elements.slot_duration_minutes.value;
    if (!why.open) {
      why.showModal();
    }
    form.requestSubmit();
  }

  document.addEventListener("click", (event) => {
    const asker = event.target.closest("[data-ask-day]");
    if (asker) {
      ask(asker.dataset.askDay, asker.dataset.askClock);
      return;
    }
    // A click into a day's bar asks about that time; the buttons below it do the same by keyboard.
    const bar = event.target.closest("svg.bar");
    if (bar) {
      const days = bar.closest("[data-first-minute]").dataset;
      const [first, last] = [Number(days.firstMinute), Number(days.lastMinute)];
      const box = bar.getBoundingClientRect();
      const step = Number(rules.elements.slot_step_minutes.value) || 30;
      const share = (event.clientX - box.left) / box.width;
      const minute = Math.floor((first + share * (last - first)) / step) * step;
      const [hour, rest] = [Math.floor(minute / 60), minute % 60];
      const clock = [hour, rest].map((part) => String(part).padStart(2, "0")).join(":");
      ask(bar.dataset.day, clock);
    }
  });
})();

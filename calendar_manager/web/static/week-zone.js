// In which time zone the week is shown: one's own, that of the rules, the browser's, or any other.
"use strict";

window.calendarManager = window.calendarManager || {};

(() => {
  /**
   * Let the person choose a zone.
   * @param page The page of the week.
   * @param zone The IANA zone that is shown at first.
   * @param choose Called with the zone that was chosen.
   */
  function offerZones(page, zone, choose) {
    const find = (selector) => page.querySelector(selector);
    const drop = find("#zone");
    const form = find("#zone-form");
    const other = find("#other-zone");
    const choices = () => [...form.querySelectorAll("input[name=zone]")];

    function mark(name) {
      const known = choices().find((choice) => choice.value === name);
      (known || choices().at(-1)).checked = true;
      other.value = known ? "" : name;
      find("#zone-name").textContent = name.replaceAll("_", " ");
    }

    /** Return the name of a zone as the server spells it, or nothing when there is no such zone. */
    function spell(typed) {
      const options = [...form.querySelectorAll("#zones option")];
      const listed = options.find((one) => one.value.toLowerCase() === typed.toLowerCase());
      if (listed) {
        return listed.value;
      }
      try {
        const format = new Intl.DateTimeFormat("en", { timeZone: typed });
        return typed.includes("/") ? format.resolvedOptions().timeZone : "";
      } catch {
        return "";
      }
    }

    const browserZone = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
    if (browserZone && !choices().some((choice) => choice.value === browserZone)) {
      const choice = find("#browser-zone");
      choice.hidden = false;
      choice.querySelector("input").value = browserZone;
      choice.querySelector("span span").textContent = browserZone.replaceAll("_", " ");
    } else {
      find("#browser-zone").remove();
    }
    mark(zone);

    other.addEventListener("input", () => {
      choices().at(-1).checked = true;
    });
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      const chosen = form.elements.zone.value;
      const name = chosen === "other" ? spell(other.value.trim()) : chosen;
      const note = find("#other-zone-note");
      note.textContent = name ? "Such as America/New_York." : "There is no such time zone. Choose one from the list.";
      note.classList.toggle("problem", !name);
      // An attribute without a value would say that nothing is wrong.
      other.setAttribute("aria-invalid", String(!name));
      if (!name) {
        other.focus();
        return;
      }
      mark(name);
      choose(name);
      drop.open = false;
      drop.querySelector("summary").focus();
    });

    document.addEventListener("click", (event) => {
      if (drop.open && !drop.contains(event.target)) {
        drop.open = false;
      }
    });
    drop.addEventListener("keydown", (event) => {
      if (event.key === "Escape") {
        drop.open = false;
        drop.querySelector("summary").focus();
      }
    });
  }

  window.calendarManager.offerZones = offerZones;
})();

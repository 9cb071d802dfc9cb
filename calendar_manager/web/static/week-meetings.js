// How a meeting looks in the grid of the week, and what the grid tells screen readers.
"use strict";

window.calendarManager = window.calendarManager || {};

(() => {
  const AGENDA = "agenda";
  const MONTH = "dayGridMonth";

  function classesOf(one) {
    return [
      "meeting",
      one.severity ? `clash-${one.severity}` : "",
      one.uncertain ? "tentative" : "",
      one.declined ? "declined" : "",
      one.busy || one.declined ? "" : "not-busy",
    ].filter(Boolean);
  }

  function element(tag, className, text) {
    const made = document.createElement(tag);
    made.className = className;
    if (text !== undefined) {
      made.textContent = text;
    }
    return made;
  }

  const SVG = "http://www.w3.org/2000/svg";

  function dot(color) {
    const svg = document.createElementNS(SVG, "svg");
    const circle = document.createElementNS(SVG, "circle");
    svg.setAttribute("viewBox", "0 0 12 12");
    svg.setAttribute("class", "dot");
    circle.setAttribute("cx", "6");
    circle.setAttribute("cy", "6");
    circle.setAttribute("r", "5.5");
    circle.setAttribute("fill", color);
    svg.append(circle);
    return svg;
  }

  function warning() {
    const svg = document.createElementNS(SVG, "svg");
    const path = document.createElementNS(SVG, "path");
    svg.setAttribute("viewBox", "0 0 24 24");
    svg.setAttribute("class", "clash-icon");
    path.setAttribute("d", "M12 3.5 2 20.5h20L12 3.5Zm0 6v5.5m0 2.6v.1");
    svg.append(path);
    return svg;
  }

  /** Draw the inside of a meeting: its name, its time, and its marks. */
  function draw({ event, view }) {
    const one = event.extendedProps.one;
    if (!one) {
      return undefined;
    }
    const inside = element("span", "inside");
    const line = element("span", "line");
    const marks = element("span", "marks");
    if (one.severity) {
      const mark = element("span", `mark-clash ${one.severity}`);
      mark.append(warning(), element("span", "word", one.severity[0].toUpperCase() + one.severity.slice(1)));
      marks.append(mark);
    }
    if (one.calendars.length > 1) {
      const homes = element("span", "homes");
      homes.append(...one.calendars.map((home) => dot(home.color)));
      marks.append(homes);
    }
    const name = element(view.type === AGENDA ? "a" : "span", "name", one.title);
    // What eyes see in colours, outlines and places on the grid, readers are told in words.
    name.append(element("span", "unseen", `, ${one.label}`));
    line.append(name);
    if (view.type === AGENDA) {
      name.href = one.url;
    }
    const details = [];
    if (one.clocks && view.type !== AGENDA) {
      const start = one.start.slice(11, 16);
      details.push(element("span", "clocks", view.type === MONTH ? start : one.clocks));
    }
    const rest = [one.uncertain, one.client?.name];
    if (view.type === AGENDA) {
      rest.push(one.calendars.map((home) => home.name).join(" and "), one.clash);
    }
    const words = rest.filter(Boolean).join(" · ");
    if (words) {
      details.push(element("span", "more", words));
    }
    for (const part of [...details, marks]) {
      part.setAttribute("aria-hidden", "true");
    }
    inside.append(line, ...details, marks);
    return { domNodes: [inside] };
  }

  /**
   * Mend what the grid tells screen readers. Its tables lie inside each other for their layout, so
   * that they are no grid to go through by rows: the meetings say their days themselves.
   */
  function mendRoles(grid) {
    for (const part of grid.querySelectorAll("table, thead, tbody, tr, th, td")) {
      if (!part.closest(".fc-list-table") && part.getAttribute("role") !== "presentation") {
        part.setAttribute("role", "presentation");
        part.removeAttribute("aria-labelledby");
      }
    }
    for (const heading of grid.querySelectorAll("a.fc-col-header-cell-cushion[aria-label]")) {
      heading.removeAttribute("aria-label");
    }
    for (const more of grid.querySelectorAll(".fc-more-link:not([role])")) {
      more.setAttribute("role", "button");
    }
    for (const scroller of grid.querySelectorAll(".fc-scroller-liquid-absolute:not([tabindex])")) {
      scroller.tabIndex = 0;
      scroller.setAttribute("role", "group");
      scroller.setAttribute("aria-label", "Hours of the day");
    }
  }

  window.calendarManager.meetings = { classesOf, draw, element, mendRoles };
})();

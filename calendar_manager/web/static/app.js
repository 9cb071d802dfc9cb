// What all pages share: telling what went wrong, copying, dialogs, and questions before deeds.
"use strict";

/** Say something at the edge of the page; screen readers read it out. */
function toast(text, kind = "") {
  const line = document.createElement("p");
  line.className = `toast ${kind}`;
  line.textContent = text;
  document.getElementById("toasts").append(line);
  setTimeout(() => line.remove(), 8000);
}

/** Return the sentence of an error answer, whatever its shape. */
function sentenceOf(request) {
  try {
    const problem = JSON.parse(request.responseText);
    const fields = (problem.errors || []).map((one) => one.message);
    return fields.join(" ") || problem.detail;
  } catch {
    return "This did not work. Try again in a moment.";
  }
}

document.addEventListener("htmx:responseError", (event) => {
  toast(sentenceOf(event.detail.xhr), "bad");
});
document.addEventListener("htmx:sendError", () => {
  toast("The server cannot be reached. Check your connection and try again.", "bad");
});

/** Copy what an element says; a browser allows that only over https or on its own machine. */
async function copy(source, done) {
  try {
    await navigator.clipboard.writeText(source.value ?? source.innerText);
    toast(done);
  } catch {
    source.hidden = false;
    getSelection().selectAllChildren(source);
    source.select?.();
    toast("This browser does not let the page copy. It is selected: copy it yourself.", "bad");
  }
}

document.addEventListener("click", async (event) => {
  const copier = event.target.closest("[data-copy]");
  if (copier) {
    await copy(document.querySelector(copier.dataset.copy), copier.dataset.copied || "Copied.");
  }
  const opener = event.target.closest("[data-opens]");
  if (opener) {
    document.querySelector(opener.dataset.opens).showModal();
  }
  const closer = event.target.closest("[data-closes]");
  if (closer) {
    closer.closest("dialog").close();
  }
  for (const menu of document.querySelectorAll("details.account[open]")) {
    if (!menu.contains(event.target)) {
      menu.open = false;
    }
  }
});

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape") {
    for (const menu of document.querySelectorAll("details.account[open]")) {
      menu.open = false;
      menu.querySelector("summary").focus();
    }
  }
});

// A form is sent once, however often its button is pressed; coming back to the page frees it.
document.addEventListener("submit", (event) => {
  const form = event.target;
  if (form.dataset.sent) {
    event.preventDefault();
  } else if (form.method === "post" && !form.hasAttribute("hx-post")) {
    form.dataset.sent = "yes";
  }
});
window.addEventListener("pageshow", () => {
  for (const form of document.querySelectorAll("form[data-sent]")) {
    delete form.dataset.sent;
  }
});

// New people live where their browser does, unless they say otherwise.
document.addEventListener("DOMContentLoaded", () => {
  for (const field of document.querySelectorAll("[data-own-zone]")) {
    if (!field.value) {
      field.value = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
    }
  }
});

window.calendarManager = { ...window.calendarManager, toast };

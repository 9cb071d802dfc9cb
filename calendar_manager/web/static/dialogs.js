// A dialog whose text comes from the server opens once the text is there.
"use strict";

document.addEventListener("htmx:afterSwap", (event) => {
  if (event.target.hasAttribute("data-dialog-text")) {
    event.target.closest("dialog").showModal();
  }
});

// The page of connected accounts.
"use strict";

// All accounts are replaced after each change, and what somebody has unfolded stays unfolded.
let unfolded = [];
document.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.target.id === "accounts") {
    unfolded = [...document.querySelectorAll("#accounts details[open]")].map((one) => one.id);
  }
});
document.addEventListener("htmx:afterSettle", () => {
  for (const id of unfolded) {
    const details = document.getElementById(id);
    if (details) {
      details.open = true;
    }
  }
  unfolded = [];
});

// @ts-check
/**
 * The login: asked for only when the server answers 401, which it never does on loopback.
 */

/** @returns {Promise<boolean>} true if the server wants a token first */
export async function needsLogin() {
  try {
    return (await fetch("/api/state")).status === 401;
  } catch {
    return false; // no server at all: another login would not help
  }
}

export class Login {
  /** @param {() => void} onDone   a token was accepted */
  constructor(onDone) {
    this.dialog = /** @type {HTMLDialogElement} */ (document.getElementById("login"));
    const form = /** @type {HTMLFormElement} */ (this.dialog.querySelector("form"));
    const field = /** @type {HTMLInputElement} */ (this.dialog.querySelector("input[type=password]"));
    const problem = /** @type {HTMLElement} */ (this.dialog.querySelector(".problem"));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      problem.textContent = "";
      try {
        const answer = await fetch("/api/login", {
          method: "POST",
          headers: { "Content-Type": "application/json" },
          body: JSON.stringify({ token: field.value.trim() }),
        });
        if (answer.ok) {
          field.value = "";
          this.dialog.close();
          onDone();
          return;
        }
        const body = await answer.json().catch(() => null);
        problem.textContent = body?.error?.message ?? `The server refused the token (${answer.status}).`;
      } catch {
        problem.textContent = "The server does not answer. Is eegcore running?";
      }
    });
    this.dialog.addEventListener("cancel", (event) => event.preventDefault()); // there is nothing behind it
  }

  /** Ask, unless the dialog is open already. */
  ask() {
    if (!this.dialog.open) this.dialog.showModal();
  }
}

// The page of an organization. Forms only tell the app what to do; the lists change when the events come.
import { connect } from "/atr.js"

const EVENTS_SHOWN = 50
const RETRY_MS = 2_000

const $ = (selector, parent = document) => parent.querySelector(selector)
const page = $("#blog")
const posts = $("#posts")

// --- Events: event.name says what to do with event.record

const actions = {
  "post.created": (post) => show(post),
  "post.updated": (post) => show(post),
  "post.destroyed": (post) => $(`#post_${post.id}`)?.remove(),
}

let held = null // events that come while the list is being fetched: they are newer than what the answer says
let asked = 0

function receive(event) {
  log(event)
  held ? held.push(event) : actions[event.name]?.(event.record)
}

// What happened while the page was not connected comes when it is back. Only what is too long ago has to be fetched, if need be until
// the app answers: it may be starting again, too.
async function refresh() {
  held ??= []
  const question = ++asked
  const list = await fetchPosts().catch(() => null)
  if (question !== asked) return // what has been asked later is newer
  if (!list) return setTimeout(refresh, RETRY_MS)

  posts.replaceChildren(...list.map(card))
  const missed = held
  held = null
  missed.forEach((event) => actions[event.name]?.(event.record))
}

async function fetchPosts() {
  const response = await fetch(page.dataset.posts, { headers: { Accept: "application/json" } })
  return response.ok ? response.json() : null
}

const connection = $("#connection")

const client = connect(page.dataset.websocket)
client.on("*", receive)
client.onReset(refresh)
client.onState((state, { delay }) => {
  const texts = { connecting: "Connecting…", open: "Live", waiting: `Offline, next try in ${Math.ceil(delay / 1000)} s`, closed: "Not connected" }
  connection.dataset.state = state
  connection.textContent = texts[state]
})

// --- The list of posts

function show(post) {
  const known = $(`#post_${post.id}`)
  const shown = card(post)
  if (!known) posts.prepend(shown)
  shown.classList.remove("changed")
  void shown.offsetWidth // starts the highlight again
  shown.classList.add("changed")
}

// Texts go in as text, never as HTML: they are what somebody typed.
function card(post) {
  const element = $(`#post_${post.id}`) || copy("#post_template")
  element.id = `post_${post.id}`
  element.dataset.id = post.id
  $("[data-title]", element).textContent = post.title
  $("[data-body]", element).textContent = post.body
  $("time", element).dateTime = post.created_at
  localize(element)
  return element
}

// --- The feed of events

function log(event) {
  const element = copy("#event_template")
  const action = event.name.split(".").pop()
  element.dataset.event = event.name
  $("[data-action]", element).textContent = action
  $("[data-action]", element).dataset.action = action
  $("[data-title]", element).textContent = event.record.title
  $("time", element).dateTime = event.occured_at
  $("time", element).textContent = new Date(event.occured_at).toLocaleTimeString()
  $("[data-latency]", element).textContent = `${Math.max(0, Date.now() - new Date(event.occured_at))} ms`
  $("[data-key]", element).textContent = event.routing_key
  $("pre", element).textContent = JSON.stringify(event, null, 2)
  $(".changes", element).append(...Object.entries(event.changes ?? {}).filter(([name]) => name !== "updated_at").map(change))

  const events = $("#events")
  events.prepend(element)
  while (events.children.length > EVENTS_SHOWN) events.lastChild.remove()
}

function change([name, [before, after]]) {
  const item = document.createElement("li")
  const [removed, added] = [document.createElement("del"), document.createElement("ins")]
  removed.textContent = before
  added.textContent = after
  item.append(`${name}: `, removed, " → ", added)
  return item
}

// --- Forms and dialogs

document.addEventListener("submit", async (submission) => {
  const form = submission.target
  if (!["new_post", "edit_post", "delete_post"].includes(form.id)) return
  submission.preventDefault()
  const error = $(".error", form)
  submission.submitter.disabled = true // a second click is not a second post
  const problem = await send(form).catch(() => "The app does not answer. Please try again.")
  submission.submitter.disabled = false
  error.hidden = !problem
  error.textContent = problem
  if (problem) return
  form.reset()
  form.closest("dialog")?.close()
})

// Gives what is wrong, or an empty text.
async function send(form) {
  const response = await fetch(form.action, {
    method: (form.dataset.method ?? "post").toUpperCase(),
    body: new FormData(form),
    headers: { "X-CSRF-Token": $("meta[name=csrf-token]").content, Accept: "application/json" },
  })
  if (response.ok) return ""
  if (response.status === 422) return (await response.json()).errors.join(". ")
  return `The app refused it (${response.status}). Please load the page again.`
}

document.addEventListener("click", ({ target }) => {
  if (target.matches("[data-close]")) return target.closest("dialog").close()
  if (!target.matches("[data-edit], [data-delete]")) return

  const post = target.closest(".post")
  const dialog = $(target.matches("[data-edit]") ? "#edit_dialog" : "#delete_dialog")
  const title = $("[data-title]", post).textContent
  $("form", dialog).action = `${page.dataset.posts}/${post.dataset.id}`
  $(".error", dialog).hidden = true
  if (target.matches("[data-delete]")) $("[data-title]", dialog).textContent = title
  else {
    $("#edit_title").value = title
    $("#edit_body").value = $("[data-body]", post).textContent
  }
  dialog.showModal()
})

// --- Small things

function copy(template) {
  return $(template).content.firstElementChild.cloneNode(true)
}

function localize(parent) {
  for (const time of parent.querySelectorAll("time[datetime]")) {
    time.textContent = new Date(time.dateTime).toLocaleString([], { dateStyle: "medium", timeStyle: "short" })
  }
}

localize(posts)

// A websocket that comes back by itself. Copy this file into your app:
//
//   import { connect } from "/live.js"
//
//   connect("ws://127.0.0.1:7777/organization/1", {
//     onEvent: (event) => console.log(event.name, event.record),
//     onOpen: () => { /* events of the time before are not repeated: fetch what the page shows */ },
//     onState: (state, waitMs) => console.log(state), // "connecting", "open" or "waiting" (so many ms, for the next try)
//   })

const FIRST_WAIT_MS = 1_000
const LONGEST_WAIT_MS = 30_000
const HEARTBEAT_MS = 25_000

export function connect(url, { onEvent, onOpen = () => {}, onState = () => {} }) {
  let socket, timer, heartbeat, failures = 0, silent = false

  function open() {
    clearTimeout(timer)
    onState("connecting")
    socket = new WebSocket(url)

    socket.onopen = () => {
      failures = 0
      silent = false
      heartbeat = setInterval(beat, HEARTBEAT_MS)
      onState("open")
      onOpen()
    }

    socket.onmessage = ({ data }) => {
      silent = false
      if (data !== "pong") onEvent(JSON.parse(data))
    }

    socket.onclose = () => {
      clearInterval(heartbeat)
      wait()
    }
  }

  // Each failure doubles the wait. Its second half is left to chance: when a server restarts, its thousands of pages
  // must not all come back in the same instant.
  function wait() {
    const longest = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures++)
    const ms = longest / 2 + Math.random() * longest / 2
    timer = setTimeout(open, ms)
    onState("waiting", ms)
  }

  // A laptop that slept, a network that changed: the browser may take minutes to see that nobody is there any more.
  function beat() {
    if (silent) return socket.close()
    silent = true
    socket.send("ping")
  }

  // No need to wait out the time when the network is back.
  addEventListener("online", () => { if (socket.readyState === WebSocket.CLOSED) open() })

  open()
}

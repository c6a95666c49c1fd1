"""The server: HTTP, WebSocket, who may do what. Nothing here runs before `serve` is called."""

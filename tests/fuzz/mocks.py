"""Mocks the servers that daybook calls: the AI provider, the geocoder and the weather forecast.

usage: mocks.py [PORT]

Listens on PORT or on a free port, prints `mocks listen on http://…` and serves until it is killed.
The geocoder finds a place for every name that begins with a letter, and three for Springfield.
"""

import json
import sys
import time
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


SUMMARY = "A summary in one sentence."
EVENT_INTERVAL = 0.02  # seconds


def completed(request):
    """Returns a completed response of the Responses API."""
    text = {"type": "output_text", "text": SUMMARY, "annotations": []}
    return {
        "id": "resp_1",
        "object": "response",
        "created_at": 1_790_000_000,
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": request.get("model", "mock"),
        "output": [
            {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": [text]}
        ],
        "usage": {"input_tokens": 120, "output_tokens": 8, "total_tokens": 128},
    }


def events(request):
    """Yields the events of a streamed response: one delta for each word, then the whole response."""
    for word in SUMMARY.split(" "):
        delta = word if word == "A" else f" {word}"
        yield {"type": "response.output_text.delta", "output_index": 0, "content_index": 0, "delta": delta}
    yield {"type": "response.completed", "response": completed(request)}


def places(query):
    """Returns a response of Open-Meteo's geocoder. It has no `results` if no place was found."""
    name = query.get("name", [""])[0]
    if not name[:1].isalpha():
        return {"generationtime_ms": 0.5}
    if name.lower() == "springfield":
        regions = {"Missouri": 166_810, "Massachusetts": 154_341, "Illinois": 116_565}
        where = {"country_code": "US", "country": "United States", "timezone": "America/Chicago"}
        spot = {"name": "Springfield", "latitude": 39.8, "longitude": -89.64}
        results = [
            spot | where | {"admin1": region, "population": count} for region, count in regions.items()
        ]
        return {"results": results, "generationtime_ms": 0.5}
    place = {
        "id": 2_988_507,
        "name": name,
        "latitude": 48.85341,
        "longitude": 2.3488,
        "elevation": 42.0,
        "feature_code": "PPLC",
        "country_code": "FR",
        "country": "France",
        "admin1": "Île-de-France",
        "timezone": "Europe/Paris",
    }
    return {"results": [place], "generationtime_ms": 0.5}


def forecast(_):
    """Returns a forecast of Open-Meteo for seven days, in which one value is missing."""
    now = (datetime.now(timezone.utc) + timedelta(hours=1)).replace(minute=15, tzinfo=None)
    return {
        "latitude": 48.86,
        "longitude": 2.36,
        "utc_offset_seconds": 3600,
        "timezone": "Europe/Paris",
        "current": {
            "time": now.isoformat(timespec="minutes"),
            "interval": 900,
            "temperature_2m": 7.4,
            "apparent_temperature": 4.1,
            "relative_humidity_2m": 81,
            "precipitation": 0.2,
            "weather_code": 61,
            "wind_speed_10m": 14.8,
        },
        "daily": {
            "time": [(now + timedelta(days=day)).date().isoformat() for day in range(7)],
            "weather_code": [61, 3, 0, 45, 71, 95, 2],
            "temperature_2m_max": [9.1, 8.0, 7.5, 6.9, 1.2, 8.8, 10.0],
            "temperature_2m_min": [3.2, -1.5, 0.0, 1.1, -4.0, 2.2, 4.6],
            "precipitation_probability_max": [88, 4, 0, 10, 65, 90, None],
        },
    }



class Mocks(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        url = urlsplit(self.path)
        answers = {"/v1/search": places, "/v1/forecast": forecast}
        self.answer(answers.get(url.path), parse_qs(url.query))

    def do_POST(self):
        question = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))))
        if self.path == "/v1/responses" and question.get("stream"):
            self.write_events(question)
        else:
            self.answer({"/v1/responses": completed}.get(self.path), question)

    def write_events(self, question):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        self.end_headers()
        for event in events(question):
            self.wfile.write(f"event: {event['type']}\ndata: {json.dumps(event)}\n\n".encode())
            # A model also sends its events at intervals.
            time.sleep(EVENT_INTERVAL)

    def answer(self, make, question):
        body = json.dumps(make(question) if make else {"error": "not found"}).encode()
        self.send_response(200 if make else 404)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        """Logs nothing, because only the log of daybook matters."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0), Mocks)
    print(f"mocks listen on http://127.0.0.1:{server.server_port}", flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass

"""Workspaces and flows that the stories publish, as their authors would write them."""

__all__ = ["ASK", "SILENCE", "WORKSPACE"]

WORKSPACE = """\
workspace: bottega
zone: Europe/Rome
language: it
grace: {grace}
channels:
  whatsapp: {{via: file, path: sent.jsonl}}
  sms: {{via: file, path: sent.jsonl}}
"""

SILENCE = """\
flow: silence
title: Chi tace
trigger: {{message: any, channel: whatsapp}}
enter: {{again: never}}
steps:
  - id: answer
    customer_response: {{within: {within}}}
"""
"""No prompt: waits for the contact's next message."""

ASK = """\
flow: ask
title: Una domanda
trigger: {{event: order.completed}}
enter: {{again: never}}
channel: whatsapp
steps:
  - id: question
    send: {{text: "Ciao {{{{ contact.name }}}}, tutto bene con l'ordine {{{{ event.order }}}}?"}}
  - id: answer
    customer_response:
      within: {within}
      on_response:
        - {{id: thanks, send: {{text: "Grazie!"}}}}
      no_response:
        - {{id: again, send: {{text: "Ci sei?"}}}}
"""
"""A prompt, its answer, a word to each of the two."""

"""The event types and their fields (the contract of the topic)."""

EVENT_TYPES = ("view", "search", "add_to_cart", "remove_from_cart", "checkout", "purchase")
VIEW, SEARCH, ADD_TO_CART, REMOVE_FROM_CART, CHECKOUT, PURCHASE = range(len(EVENT_TYPES))
# The exit of a session. Not an event: nothing is sent for it.
LEAVE = len(EVENT_TYPES)
STEPS = (*EVENT_TYPES, "leave")

ALWAYS_PRESENT = ("event_id", "event_type", "event_time", "user_id", "session_id", "currency", "country", "device")
WITH_PRODUCT = frozenset({VIEW, ADD_TO_CART, REMOVE_FROM_CART, PURCHASE})
WITH_QUANTITY = frozenset({ADD_TO_CART, REMOVE_FROM_CART, PURCHASE})
ANY_EVENT = frozenset(range(len(EVENT_TYPES)))

# The currencies that silver accepts (ISO 4217).
CURRENCIES = (
    "AUD", "BRL", "CAD", "CHF", "CNY", "CZK", "DKK", "EUR", "GBP", "HUF", "INR",
    "JPY", "KRW", "MXN", "NOK", "NZD", "PLN", "SEK", "SGD", "TRY", "USD", "ZAR",
)  # fmt: skip

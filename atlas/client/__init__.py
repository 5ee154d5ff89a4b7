"""Open, bind, close: clients, and which of them a query runs on."""

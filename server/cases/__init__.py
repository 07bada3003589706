"""Cases: a customer's application running through its company's process.

One interpreter walks every process that a pack draws (`rules`); the acts of people and crews move
the case (`actions*`, `owner`). Not here: papers, fees, forms and notices (rooms of their own), the
clocks (`promises`), field work (`work`).
"""

"""The line that says what to do next."""


def test_what_a_click_costs_is_said_before_it_is_made(stack):
    stack.workspace.seconds = 6.4
    stack.slide(3)
    assert "first mask in this slice takes about 6 s" in stack.widget.hint.text()
    stack.slide(1)  # its features are there
    assert "about" not in stack.widget.hint.text()


def test_how_long_features_took_is_known_of_the_last_that_were_computed(stack):
    assert stack.workspace.seconds is not None and stack.workspace.seconds > 0
    stack.workspace.seconds = 1000.0
    stack.slide(3)
    stack.controller.clicks.add(16, 16)
    stack.settle()
    assert 0 < stack.workspace.seconds < 1000 and "about" not in stack.widget.hint.text()


def test_features_that_were_in_memory_promise_nothing(stack):
    stack.workspace.seconds = 1000.0
    stack.controller.images.close(stack.workspace)
    stack.start(stack.viewer.layers["stack"])
    stack.workspace.seconds = 1000.0
    stack.controller.features.start()  # the store has them
    assert stack.workspace.state.value == "ready" and stack.workspace.seconds == 1000

"""Samplers decide as OpenTelemetry's SDK does; it is the SDK that is asked."""

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import sampling
from opentelemetry.trace import NonRecordingSpan, SpanContext, TraceFlags

from weftline.agent import ids
from weftline.agent.sample import Sampler, sampler

SDK = {
    "always_on": sampling.ALWAYS_ON,
    "always_off": sampling.ALWAYS_OFF,
    "traceidratio": sampling.TraceIdRatioBased(0.25),
    "parentbased_always_on": sampling.ParentBased(sampling.ALWAYS_ON),
    "parentbased_always_off": sampling.ParentBased(sampling.ALWAYS_OFF),
    "parentbased_traceidratio": sampling.ParentBased(sampling.TraceIdRatioBased(0.25)),
}


@pytest.mark.parametrize("name", SDK)
@pytest.mark.parametrize("flags", [None, 0, 1, 2, 3])
def test_same_decisions_as_the_sdk(name: Sampler, flags: int | None) -> None:
    decide = sampler(name, 0.25)
    for _ in range(300):
        trace_id = ids.trace_id()
        context = None
        if flags is not None:
            remote = SpanContext(trace_id, 1, is_remote=True, trace_flags=TraceFlags(flags))
            context = trace.set_span_in_context(NonRecordingSpan(remote))
        expected = SDK[name].should_sample(context, trace_id, "name").decision.is_sampled()
        assert decide(trace_id, flags) is expected


def test_ids_are_not_the_programs_randomness() -> None:
    import random

    random.seed(1)
    first = ids.trace_id(), ids.span_id()
    random.seed(1)
    assert first != (ids.trace_id(), ids.span_id())

"""A gRPC proxy before a real Temporal that keeps its callers out of what operators do, as Temporal Cloud does."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import grpc

from starter.local import HOST

_OPERATORS = "/temporal.api.operatorservice.v1.OperatorService/"
_OF_THE_CALL = ("authorization", "temporal-namespace")
"""The headers that are passed on; those of gRPC are the connection's own."""


class _Proxy(grpc.GenericRpcHandler):  # type: ignore[misc]
    def __init__(self, there: grpc.Channel, answer: grpc.StatusCode) -> None:
        self._there = there
        self._answer = answer

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """Pass a call on, raw bytes in and out, unless it is an operator's."""
        method = handler_call_details.method
        headers = [(name, value) for name, value in handler_call_details.invocation_metadata if name in _OF_THE_CALL]
        call = self._there.unary_unary(method)

        def pass_on(request: bytes, context: grpc.ServicerContext) -> bytes:
            if method.startswith(_OPERATORS):
                context.abort(self._answer, "Request unauthorized.")
            try:
                return bytes(call(request, metadata=headers, timeout=context.time_remaining()))
            except grpc.RpcError as error:
                context.set_trailing_metadata(error.trailing_metadata())
                context.abort(error.code(), error.details())
                raise

        return grpc.unary_unary_rpc_method_handler(pass_on)


@contextmanager
def temporal_without_operators(address: str, answer: grpc.StatusCode) -> Iterator[str]:
    """Run the proxy, which gives operators' calls ``answer``; its address."""
    with grpc.insecure_channel(address) as there:
        server = grpc.server(ThreadPoolExecutor(8), handlers=[_Proxy(there, answer)])
        here = f"{HOST}:{server.add_insecure_port(f'{HOST}:0')}"
        server.start()
        try:
            yield here
        finally:
            server.stop(None).wait()

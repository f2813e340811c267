"""A gRPC server in the place of Temporal that answers every call with the same status, as Temporal does when it must."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial

import grpc
from temporalio.api.workflowservice.v1 import GetSystemInfoResponse

from starter.local import HOST


class TemporalDouble(grpc.GenericRpcHandler):  # type: ignore[misc]
    """The server. ``status`` and ``message`` are its answer from now on; a client can connect whatever they are."""

    def __init__(self) -> None:
        self.status = grpc.StatusCode.UNAVAILABLE
        self.message = ""
        self.refuses_connections = False
        self.of_calls: dict[str, tuple[grpc.StatusCode, str]] = {}
        """The answers to some calls, by their names, where they are others."""
        self.called: list[str] = []
        """The calls so far, by their names."""
        self.address = ""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler:
        """Answer a call: raw bytes in, raw bytes out."""
        call = handler_call_details.method.rpartition("/")[2]
        if call == "GetSystemInfo" and not self.refuses_connections:
            answer = GetSystemInfoResponse().SerializeToString()
            return grpc.unary_unary_rpc_method_handler(lambda *_: answer)
        self.called.append(call)
        return grpc.unary_unary_rpc_method_handler(partial(self._abort, call))

    def _abort(self, call: str, _: bytes, context: grpc.ServicerContext) -> None:
        context.abort(*self.of_calls.get(call, (self.status, self.message)))

    @classmethod
    @contextmanager
    def running(cls) -> Iterator["TemporalDouble"]:
        """Run the server on a port of its own."""
        double = cls()
        server = grpc.server(ThreadPoolExecutor(4), handlers=[double])
        double.address = f"{HOST}:{server.add_insecure_port(f'{HOST}:0')}"
        server.start()
        try:
            yield double
        finally:
            server.stop(None).wait()

"""Stubs in Python as a plugin of buf. The compiler in grpcio-tools makes them, and no other program can: it is not a plugin."""

import sys
import tempfile
from pathlib import Path

from google.protobuf.compiler.plugin_pb2 import CodeGeneratorRequest, CodeGeneratorResponse
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from grpc_tools import protoc

request = CodeGeneratorRequest.FromString(sys.stdin.buffer.read())
response = CodeGeneratorResponse(supported_features=CodeGeneratorResponse.FEATURE_PROTO3_OPTIONAL)
with tempfile.TemporaryDirectory() as folder:
    contract = Path(folder, "contract.binpb")
    contract.write_bytes(FileDescriptorSet(file=request.proto_file).SerializeToString())
    stubs = Path(folder, "stubs")
    stubs.mkdir()
    options = [f"--descriptor_set_in={contract}", f"--grpc_python_out={stubs}"]
    if code := protoc.main(["protoc", *options, *request.file_to_generate]):
        sys.exit(code)
    for file in sorted(stubs.rglob("*.py")):
        response.file.add(name=file.relative_to(stubs).as_posix(), content=file.read_text("utf-8"))
sys.stdout.buffer.write(response.SerializeToString())

"""What runs the network: one class a runtime behind `ports.Engine`, chosen in `select`."""

import sys

# Importing OpenVINO 2026.4 imports its converter, which sends "general_import" to its maker's analytics. Where that
# module cannot be had, it takes a stub of its own.
sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

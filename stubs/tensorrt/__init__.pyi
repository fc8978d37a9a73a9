# Written by scripts/make_trt_stubs.py from tensorrt 11.4.0.106 (names) and tensorrt_rtx (signatures);
# only what lensd uses.
from tensorrt_rtx import (
    DataType as DataType,
    TensorIOMode as TensorIOMode,
    ExecutionContextAllocationStrategy as ExecutionContextAllocationStrategy,
    Dims as Dims,
    ILogger as ILogger,
    IProgressMonitor as IProgressMonitor,
    IHostMemory as IHostMemory,
    ITensor as ITensor,
    INetworkDefinition as INetworkDefinition,
    ParserError as ParserError,
    OnnxParser as OnnxParser,
    ITimingCache as ITimingCache,
    IBuilderConfig as IBuilderConfig,
    Builder as Builder,
    Runtime as Runtime,
    ICudaEngine as ICudaEngine,
    IExecutionContext as IExecutionContext,
    IOptimizationProfile as IOptimizationProfile,
)

__version__: str

from .factory import EXECUTORS as EXECUTORS, open_executor as open_executor
from .interface import Executor as Executor, Job as Job, Task as Task

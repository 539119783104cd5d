from .forecast import Forecast as Forecast, forecast_scan as forecast_scan
from .limits import Limits as Limits
from .scan import Scan as Scan
from .simulate import Expected as Expected, Outcome as Outcome

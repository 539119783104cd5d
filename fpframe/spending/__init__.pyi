from .account import Account as Account
from .exchange import Meter as Meter, Preview as Preview, Service as Service
from .ledger import Coming as Coming, Ledger as Ledger
from .ledgerview import LedgerView as LedgerView
from .pace import Pace as Pace
from .terms import Terms as Terms, per_second as per_second

from .draws import Draws as Draws
from .isolation import give_way as give_way, isolated as isolated
from .limits import threads as threads
from .seeds import derive_seed as derive_seed, generator as generator

from .ability import Ability as Ability, ability_choice as ability_choice, label_rows as label_rows
from .admission import top_up as top_up, victim_labels as victim_labels
from .agreement import Agreement as Agreement, label_agreement as label_agreement
from .asked import ZooAnswers as ZooAnswers, ask_zoo as ask_zoo
from .by_commitment import code_leaves as code_leaves, refuse_other_commitment as refuse_other_commitment
from .calibrate_on_zoo import open_divided as open_divided
from .calibration import (
    PLAIN as PLAIN,
    Calibration as Calibration,
    CalibrationModel as CalibrationModel,
)
from .class_order import found_order as found_order
from .commitment import (
    CODE as CODE,
    DATA as DATA,
    RECIPE as RECIPE,
    TERMS as TERMS,
    VICTIM as VICTIM,
    Beacon as Beacon,
    Committed as Committed,
    Terms as Terms,
)
from .encoders import (
    calibrating as calibrating,
    fit_encoder as fit_encoder,
    fit_encoders as fit_encoders,
)
from .enroll_victim import enroll as enroll, fingerprint as fingerprint
from .enrolment import Enrolment as Enrolment
from .examination import Examination as Examination
from .facts import perturbation_steps as perturbation_steps
from .folder import refuse_existing as refuse_existing
from .format import UNDIGESTED as UNDIGESTED
from .method import (
    Method as Method,
    check_method as check_method,
    find_scheme as find_scheme,
    plan_enrolment as plan_enrolment,
    units_of as units_of,
)
from .modelfolder import IndependentFile as IndependentFile, find_independents as find_independents
from .nearness import near as near, usual_distance as usual_distance
from .origin import Origin as Origin, origin_of as origin_of
from .other_classes import (
    matched as matched,
    restricted as restricted,
    restricted_ability as restricted_ability,
    shared_images as shared_images,
)
from .own_models import Independents as Independents
from .public_models import enroll_on_files as enroll_on_files
from .queries import check_pool as check_pool, fooling_rate as fooling_rate
from .recalibrate import calibrate as calibrate, enrolment_addresses as enrolment_addresses
from .scoring import fisher_z as fisher_z, score_views as score_views
from .settling import accepted_codes as accepted_codes
from .sharpness import scored_answers as scored_answers
from .strangers import (
    Strangers as Strangers,
    find_strangers as find_strangers,
    stranger_notes as stranger_notes,
)

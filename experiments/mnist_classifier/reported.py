"""Table 1 of TR 2006-004 as it is printed: costs in nats of a hundred cases, and errors."""

from experiments.common.records import ALL, CHOSEN

PRODUCT = 0
NOTHING = ("", "", "", "")
# Epochs of tuning, then cost and errors of the training, the validation and the test cases, empty
# where there is nothing; by stage and number of the net. Neta, Netb and Netc are 1, 2 and 3.
PAPER = {
    (CHOSEN, 1): ("33", "0.12, 1", "6.49, 129", "6.22, 122"),
    (CHOSEN, 2): ("56", "0.04, 0", "7.81, 118", "6.21, 116"),
    (CHOSEN, 3): ("63", "0.03, 0", "8.12, 118", "6.73, 124"),
    (CHOSEN, PRODUCT): ("", "", "", "5.75, 110"),
    (ALL, 1): ("33+16", "<0.12, 1", "", "5.81, 113"),
    (ALL, 2): ("56+28", "<0.04, 0", "", "5.90, 106"),
    (ALL, 3): ("63+31", "<0.03, 0", "", "5.93, 118"),
    (ALL, PRODUCT): ("", "", "", "5.40, 106"),
}
UNPRETRAINED = ("119", "<0.063, 0", "", "18.43, 227")  # on all 60,000

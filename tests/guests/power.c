/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How a run can end, by the letter on the console: PSCI off, PSCI reset, a status above 99, spinning for
 * ever.
 */
#include "guest.h"

#define UARTFR      (UART + 0x18)
#define UARTFR_RXFE 0x10

void guest_main(uint64_t dtb)
{
	while (read32(UARTFR) & UARTFR_RXFE)
		;
	switch (read32(UART)) {
	case 'o':
		guest_psci(PSCI_SYSTEM_OFF, 0, 0, 0);
		break;
	case 'r':
		guest_psci(PSCI_SYSTEM_RESET, 0, 0, 0);
		break;
	case 'x':
		guest_exit(0x1c8);
	}
	for (;;)
		;
}

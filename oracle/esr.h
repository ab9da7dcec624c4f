/* SPDX-License-Identifier: BSD-2-Clause */
/* ESR_ELx (DDI 0487, D24.2): exception classes, and the ISS of a data abort. */
#ifndef ESR_H
#define ESR_H

#include <stdint.h>

#define EC(esr)      ((esr) >> 26 & 0x3f)
#define EC_UNKNOWN   0x00
#define EC_HVC64     0x16
#define EC_SME       0x1d
#define EC_ABORT_LOW 0x24
#define EC_ABORT     0x25
#define EC_BRK64     0x3c

#define IL        (UINT64_C(1) << 25)
#define ISV       (UINT64_C(1) << 24)
#define SAS(esr)  ((esr) >> 22 & 3)
#define SSE       (UINT64_C(1) << 21)
#define SRT(esr)  ((esr) >> 16 & 31)
#define SF        (UINT64_C(1) << 15)
#define AR        (UINT64_C(1) << 14)
#define FnV       (UINT64_C(1) << 10)
#define CM        (UINT64_C(1) << 8)
#define S1PTW     (UINT64_C(1) << 7)
#define WnR       (UINT64_C(1) << 6)
#define DFSC(esr) ((esr)&0x3f)

#define DFSC_TRANSLATION 0x04
#define DFSC_ACCESS_FLAG 0x08
#define DFSC_PERMISSION  0x0c
#define DFSC_ALIGNMENT   0x21

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/* The guests' instructions. */
#ifndef SHIM_WORDS_H
#define SHIM_WORDS_H

#define STR_W1_POST4   0xb8004401 /* str w1, [x0], #4 */
#define STR_X1_POST8   0xf8008401 /* str x1, [x0], #8 */
#define STRH_W1_POST2  0x78002401 /* strh w1, [x0], #2 */
#define STRB_W1_POST1  0x38001401 /* strb w1, [x0], #1 */
#define LDR_X2_POST8   0xf8408402 /* ldr x2, [x0], #8 */
#define LDP_X2_X3_POST 0xa8c10c02 /* ldp x2, x3, [x0], #16 */
#define STP_W1_W2      0x29000801 /* stp w1, w2, [x0] */
#define LD1_V0         0x4c407000 /* ld1 {v0.16b}, [x0] */
#define STR_Q0_POST16  0x3c810400 /* str q0, [x0], #16 */
#define LDADD_W1_W2    0xb8210002 /* ldadd w1, w2, [x0] */
#define LDR_W2         0xb9400002 /* ldr w2, [x0]: ISV=1 */
#define NOP            0xd503201f

/* ESR_EL1: a data abort from EL1, IL, and the fault status. */
#define ABORT(fsc) (UINT64_C(0x96000000) | (fsc))
#define WRITE      UINT64_C(0x40)

#endif

/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * name, text, kind, bytes in memory, bytes of a lane, sign-extended, registers, offset in footprints, offset
 * in elements. x0 is the base, x4 is 3, p1 the predicate; registers are z30, z31, z0, z1.
 */
/* clang-format off */
X(ld1b_b,   "ld1b {z30.b}, p1/z, [x0]",                 LOAD, 1, 1, 0, 1, 0, 0)
X(ld1b_h,   "ld1b {z30.h}, p1/z, [x0]",                 LOAD, 1, 2, 0, 1, 0, 0)
X(ld1b_s,   "ld1b {z30.s}, p1/z, [x0, #7, mul vl]",     LOAD, 1, 4, 0, 1, 7, 0)
X(ld1b_d,   "ld1b {z30.d}, p1/z, [x0, x4]",             LOAD, 1, 8, 0, 1, 0, 3)
X(ld1sb_h,  "ld1sb {z30.h}, p1/z, [x0]",                LOAD, 1, 2, 1, 1, 0, 0)
X(ld1sb_s,  "ld1sb {z30.s}, p1/z, [x0, x4]",            LOAD, 1, 4, 1, 1, 0, 3)
X(ld1sb_d,  "ld1sb {z30.d}, p1/z, [x0, #-8, mul vl]",   LOAD, 1, 8, 1, 1, -8, 0)
X(ld1h_h,   "ld1h {z30.h}, p1/z, [x0]",                 LOAD, 2, 2, 0, 1, 0, 0)
X(ld1h_s,   "ld1h {z30.s}, p1/z, [x0]",                 LOAD, 2, 4, 0, 1, 0, 0)
X(ld1h_d,   "ld1h {z30.d}, p1/z, [x0, x4, lsl #1]",     LOAD, 2, 8, 0, 1, 0, 3)
X(ld1sh_s,  "ld1sh {z30.s}, p1/z, [x0, #-1, mul vl]",   LOAD, 2, 4, 1, 1, -1, 0)
X(ld1sh_d,  "ld1sh {z30.d}, p1/z, [x0]",                LOAD, 2, 8, 1, 1, 0, 0)
X(ld1w_s,   "ld1w {z30.s}, p1/z, [x0, x4, lsl #2]",     LOAD, 4, 4, 0, 1, 0, 3)
X(ld1w_d,   "ld1w {z30.d}, p1/z, [x0, #1, mul vl]",     LOAD, 4, 8, 0, 1, 1, 0)
X(ld1sw_d,  "ld1sw {z30.d}, p1/z, [x0]",                LOAD, 4, 8, 1, 1, 0, 0)
X(ld1d_d,   "ld1d {z30.d}, p1/z, [x0]",                 LOAD, 8, 8, 0, 1, 0, 0)

X(st1b_b,   "st1b {z30.b}, p1, [x0]",                   STORE, 1, 1, 0, 1, 0, 0)
X(st1b_h,   "st1b {z30.h}, p1, [x0, x4]",               STORE, 1, 2, 0, 1, 0, 3)
X(st1b_s,   "st1b {z30.s}, p1, [x0]",                   STORE, 1, 4, 0, 1, 0, 0)
X(st1b_d,   "st1b {z30.d}, p1, [x0, #-8, mul vl]",      STORE, 1, 8, 0, 1, -8, 0)
X(st1h_h,   "st1h {z30.h}, p1, [x0]",                   STORE, 2, 2, 0, 1, 0, 0)
X(st1h_s,   "st1h {z30.s}, p1, [x0, #3, mul vl]",       STORE, 2, 4, 0, 1, 3, 0)
X(st1h_d,   "st1h {z30.d}, p1, [x0]",                   STORE, 2, 8, 0, 1, 0, 0)
X(st1w_s,   "st1w {z30.s}, p1, [x0]",                   STORE, 4, 4, 0, 1, 0, 0)
X(st1w_d,   "st1w {z30.d}, p1, [x0, x4, lsl #2]",       STORE, 4, 8, 0, 1, 0, 3)
X(st1d_d,   "st1d {z30.d}, p1, [x0]",                   STORE, 8, 8, 0, 1, 0, 0)

X(ld2b,     "ld2b {z30.b, z31.b}, p1/z, [x0]",                      LOAD, 1, 1, 0, 2, 0, 0)
X(ld2d,     "ld2d {z30.d, z31.d}, p1/z, [x0, #-2, mul vl]",         LOAD, 8, 8, 0, 2, -1, 0)
X(ld3h,     "ld3h {z30.h, z31.h, z0.h}, p1/z, [x0, x4, lsl #1]",    LOAD, 2, 2, 0, 3, 0, 3)
X(ld4b,     "ld4b {z30.b, z31.b, z0.b, z1.b}, p1/z, [x0]",          LOAD, 1, 1, 0, 4, 0, 0)
X(ld4w,     "ld4w {z30.s, z31.s, z0.s, z1.s}, p1/z, [x0, #4, mul vl]", LOAD, 4, 4, 0, 4, 1, 0)
X(st2h,     "st2h {z30.h, z31.h}, p1, [x0]",                        STORE, 2, 2, 0, 2, 0, 0)
X(st3b,     "st3b {z30.b, z31.b, z0.b}, p1, [x0, #3, mul vl]",      STORE, 1, 1, 0, 3, 1, 0)
X(st3d,     "st3d {z30.d, z31.d, z0.d}, p1, [x0, x4, lsl #3]",      STORE, 8, 8, 0, 3, 0, 3)
X(st4w,     "st4w {z30.s, z31.s, z0.s, z1.s}, p1, [x0]",            STORE, 4, 4, 0, 4, 0, 0)

X(ldnt1b,   "ldnt1b {z30.b}, p1/z, [x0, x4]",           LOAD, 1, 1, 0, 1, 0, 3)
X(ldnt1d,   "ldnt1d {z30.d}, p1/z, [x0, #1, mul vl]",   LOAD, 8, 8, 0, 1, 1, 0)
X(stnt1h,   "stnt1h {z30.h}, p1, [x0]",                 STORE, 2, 2, 0, 1, 0, 0)
X(stnt1w,   "stnt1w {z30.s}, p1, [x0, x4, lsl #2]",     STORE, 4, 4, 0, 1, 0, 3)

X(ld1rb_b,  "ld1rb {z30.b}, p1/z, [x0]",                REPLICATE, 1, 1, 0, 1, 0, 0)
X(ld1rsb_d, "ld1rsb {z30.d}, p1/z, [x0, #63]",          REPLICATE, 1, 8, 1, 1, 63, 0)
X(ld1rh_s,  "ld1rh {z30.s}, p1/z, [x0]",                REPLICATE, 2, 4, 0, 1, 0, 0)
X(ld1rsw_d, "ld1rsw {z30.d}, p1/z, [x0, #4]",           REPLICATE, 4, 8, 1, 1, 1, 0)
X(ld1rd_d,  "ld1rd {z30.d}, p1/z, [x0]",                REPLICATE, 8, 8, 0, 1, 0, 0)
X(ld1rqb,   "ld1rqb {z30.b}, p1/z, [x0]",               QUADWORD, 1, 1, 0, 1, 0, 0)
X(ld1rqh,   "ld1rqh {z30.h}, p1/z, [x0, #-32]",         QUADWORD, 2, 2, 0, 1, -2, 0)
X(ld1rqw,   "ld1rqw {z30.s}, p1/z, [x0, x4, lsl #2]",   QUADWORD, 4, 4, 0, 1, 0, 3)
X(ld1rqd,   "ld1rqd {z30.d}, p1/z, [x0]",               QUADWORD, 8, 8, 0, 1, 0, 0)
/* clang-format on */

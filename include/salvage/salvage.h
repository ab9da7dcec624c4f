/* SPDX-License-Identifier: BSD-2-Clause */
/* All of libsalvage. The parts can be included, and used, alone. */
#ifndef SALVAGE_H
#define SALVAGE_H

#include <salvage/abort.h>
#include <salvage/except.h>
#include <salvage/insn.h>
#include <salvage/kvm.h>
#include <salvage/mmu.h>
#include <salvage/poison.h>
#include <salvage/policy.h>
#include <salvage/ras.h>
#include <salvage/regs.h>
#include <salvage/space.h>
#include <salvage/status.h>
#include <salvage/syndrome.h>

#define SV_VERSION_MAJOR 0
#define SV_VERSION_MINOR 1
#define SV_VERSION_PATCH 0

/* The version of the library that is linked, "MAJOR.MINOR.PATCH". */
#ifdef __cplusplus
extern "C"
#endif
	__attribute__((visibility("default"))) const char *
	sv_version(void);

#endif

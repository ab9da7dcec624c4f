/* SPDX-License-Identifier: BSD-2-Clause */
/* The registers of the in-kernel GICv3 as data, for tests (docs/vgic.md has them in words). */
#ifndef SRC_KVM_VGIC_H
#define SRC_KVM_VGIC_H

#include <salvage/kvm.h>

/* Bits of sv_kernel_map.differs. */
enum sv_kvm_vgic_difference {
	SV_KVM_VGIC_HW_SGI = 1 << 0,  /* SGIs are injected by a GICv4.1: attributes change KVM's copy only */
	SV_KVM_VGIC_NO_LAST = 1 << 1, /* kernels before 5.13: GICR_TYPER.Last is for guests only */
};

/* A redistributor: RD_base and SGI_base, 64 KiB each. */
#define SV_KVM_VGIC_REDISTRIBUTOR 0x20000

extern const struct sv_kernel_map sv_kvm_vgic_distributor, sv_kvm_vgic_redistributors;

#endif

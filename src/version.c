/* SPDX-License-Identifier: BSD-2-Clause */
#include <salvage/salvage.h>

#define TEXT(number)              #number
#define JOIN(major, minor, patch) TEXT(major) "." TEXT(minor) "." TEXT(patch)

const char *sv_version(void)
{
	return JOIN(SV_VERSION_MAJOR, SV_VERSION_MINOR, SV_VERSION_PATCH);
}

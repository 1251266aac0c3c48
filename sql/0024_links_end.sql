-- SPDX-License-Identifier: Apache-2.0
-- Lists of links stay quick where there are a million of them.

create index links_end on links (to_site);
comment on index links_end is 'store_links_list: the links of a site, which begins or ends them.';

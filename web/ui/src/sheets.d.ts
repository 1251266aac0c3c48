// SPDX-License-Identifier: Apache-2.0
declare module "*.sheet.css" {
  const text: string;
  export default text;
}

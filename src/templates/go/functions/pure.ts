// The functions that give the same for the same arguments, whoever renders and when: what a template makes of
// them alone needs to be made only once.

const PURE = [
  'and or not eq ne lt le gt ge len index slice html js urlquery print println printf',
  'base Base dir split join replace contains toUpper toLower trimPrefix trimSuffix trim trunc title',
  'base64Encode base64Decode parseBool quote squote shellquote repeat indent nindent nospace',
  'snakecase camelcase kebabcase sha256sum md5sum hmacSHA256 regexMatch regexFind regexReplaceAll',
  'atoi add sub mul div mod json jsonArray map dict list hasKey default ternary coalesce empty',
]

export const pureFunctions: ReadonlySet<string> = new Set(PURE.join(' ').split(' '))

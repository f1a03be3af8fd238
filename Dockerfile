# Weft to try without installing anything else. Its commands are those of the README.
#   docker build --tag weft .
#   docker run --rm weft                                             trains LeNet (npm start)
#   docker run --rm --publish 5173:5173 weft npm run site -- --host  serves the site
FROM node:24
WORKDIR /weft
COPY . .
RUN npm run setup
EXPOSE 5173
CMD ["npm", "start"]
